"""The page in a real browser, against the real command: what a person does, and what is left behind.

With ``UPDATE_SCREENSHOTS=1`` the pictures of the documentation are made anew.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from browser import (
    INSIST_MS,
    LONG_MS,
    RunningServer,
    Tab,
    insist,
    running_chromium,
    running_server,
    until,
)

from webui_tab.texts import say

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("server")
    with running_server(folder) as running:
        assert stat.S_IMODE(running.root.stat().st_mode) == 0o700
        assert stat.S_IMODE((running.root / "files").stat().st_mode) == 0o700
        yield running
    assert running.process.returncode == 0
    assert [path.name for path in folder.iterdir()] == ["server.log"], "the server leaves nothing"


@pytest.fixture(scope="module")
def chromium():
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def open_tab(chromium, server):
    contexts = []

    def opened(locale: str = "en-US", *, width: int = 1280) -> Tab:
        from playwright.sync_api import expect

        context = chromium.new_context(
            locale=locale, viewport={"width": width, "height": 900}, accept_downloads=True
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(LONG_MS)
        # A request to another site is refused by the page's own policy; none may be answered.
        page.on("response", lambda response: answers.append(response.url))
        page.goto(server.url)
        tab = Tab(page, "zh" if locale.startswith("zh") else "en")
        expect(page.get_by_role("button", name=tab.say("analyse"), exact=True)).to_be_visible()
        # What is here is looked up when the page is opened; a busy machine takes its time.
        expect(page.locator("#emo-whisper input")).to_have_value(tab.say("whisper_auto"))
        return tab

    answers: list[str] = []
    yield opened
    for context in contexts:
        context.close()
    own = (server.url, "data:", "blob:")
    assert [url for url in answers if not url.startswith(own)] == [], "only our server is asked"


@pytest.mark.parametrize(("locale", "language"), [("en-US", "en"), ("zh-CN", "zh")])
def test_a_newcomer_sees_the_whole_in_two_clicks(open_tab, tmp_path, locale, language):
    tab = open_tab(locale)
    tab.picture(f"tab-{language}-before", tmp_path)
    tab.try_sample()
    tab.shows("#emo-summary", "faster-whisper:")
    assert tab.rows.count() > 3
    for player in ("#emo-before", "#emo-after", "#emo-original", "#emo-clip", "#emo-again-clip"):
        tab.page.locator(
            f"{player} [data-testid=waveform-controls], {player} .controls"
        ).first.wait_for()
    assert tab.page.locator("#emo-timeline svg").count() == 1
    assert tab.page.locator("#emo-said-timeline svg").count() == 1
    checks = [tab.cell(row, 7).inner_text().strip() for row in range(tab.rows.count())]
    assert all(check[:1] in "✓✗–" for check in checks), checks
    assert any(check.startswith("✓") for check in checks), "no segment kept its emotion"
    tab.picture(f"tab-{language}-after", tmp_path)
    switch_language(tab)


def choose_emotion(tab: Tab, name: str) -> None:
    """Choose an emotion from the menu in the panel of a segment."""
    tab.page.locator("#emo-emotion input").click(timeout=INSIST_MS)
    tab.page.get_by_role("option", name=name, exact=True).click(timeout=INSIST_MS)


def switch_language(tab: Tab) -> None:
    """Switch to the other language without reloading, and see it everywhere."""
    other, its_name, letters = {
        "en": ("zh", "中文", r"[\u4e00-\u9fff]+"),
        "zh": ("en", "English", r"[a-z]+"),
    }[tab.language]
    n_segments = re.findall(r"\d+", tab.page.locator("#emo-segment h3").inner_text())[1]
    tab.page.locator("#emo-language label", has_text=its_name).click()
    tab.language = other
    tab.shows("#emo-segment h3", {"en": "Segment 1 of", "zh": "第 1 /"}[other])
    tab.shows("#emo-table", tab.say("column_why"))
    tab.shows("#emo-consent", tab.say("consent"))
    tab.shows("#emo-voice", tab.say("voice"))
    tab.shows("#emo-segment h3", str(n_segments))
    assert re.fullmatch(letters, tab.cell(0, 4).inner_text().strip())
    assert tab.page.locator("#emo-voice input").input_value() == tab.say("voice_sample")


def test_nothing_is_analysed_without_consent(open_tab):
    tab = open_tab()
    tab.press("try_sample")
    tab.shows("#emo-status", tab.say("consent_missing"))
    assert not tab.page.locator("#emo-table").is_visible()


def test_correct_override_say_again_download_and_leave_nothing(open_tab, server, tmp_path):
    from playwright.sync_api import expect

    tab = open_tab()
    page = tab.page
    tab.try_sample()

    # The emotion, in the panel of the third segment.
    title = page.locator("#emo-segment h3")
    insist(
        lambda: tab.cell(2, 3).click(),
        lambda: tab.shows("#emo-segment h3", "Segment 3", timeout_ms=INSIST_MS),
    )
    insist(
        lambda: choose_emotion(tab, "sad"),
        lambda: expect(tab.cell(2, 4)).to_contain_text("sad", timeout=INSIST_MS),
    )
    tab.shows("#emo-choice", "sad/en")
    tab.shows("#emo-result", tab.say("result_stale"))

    # Its text, also in the panel; stepping on does not lose it.
    page.locator("#emo-text textarea").fill("Nobody said this, it was typed.")
    insist(
        lambda: "Segment 3" in title.inner_text() and tab.press("later"),
        lambda: tab.shows("#emo-segment h3", "Segment 4", timeout_ms=INSIST_MS),
    )
    expect(tab.cell(2, 3)).to_contain_text("Nobody said this, it was typed.")
    expect(tab.cell(2, 0)).to_contain_text("✎")

    # An emotion in the table itself, under another of its names.
    page.locator("#emo-table").evaluate("table => table.scrollIntoView()")
    insist(
        lambda: tab.write_into(1, 4, "Boredom"),
        lambda: expect(tab.cell(1, 4)).to_contain_text("bored", timeout=INSIST_MS),
    )
    tab.shows("#emo-segment h3", "Segment 2")
    tab.shows("#emo-choice", "bored/en")

    # A time cannot be changed.
    start = tab.cell(0, 1).inner_text()
    refusal = page.locator("#emo-table-note")
    insist(
        lambda: tab.write_into(0, 1, "9"),
        lambda: expect(refusal).to_contain_text(
            tab.say("only_text_and_emotion"), timeout=INSIST_MS
        ),
    )
    expect(tab.cell(0, 1)).to_contain_text(start)

    # Another reference for the first segment.
    tab.shows("#emo-segment h3", "Segment 1")
    third = page.locator("#emo-candidates label").nth(3)
    chosen = third.inner_text().split(". ")[1].split(":")[0]
    insist(third.click, lambda: tab.shows("#emo-choice", tab.say("pinned"), timeout_ms=INSIST_MS))
    tab.shows("#emo-choice", chosen)

    # Say it again: stopped once, then to the end.
    tab.begins("resynthesise").click()
    tab.shows("#emo-again-status", tab.say("stopped"))
    tab.rests()
    tab.begins("resynthesise")
    expect(page.locator("#emo-result")).not_to_contain_text(
        tab.say("result_stale"), timeout=LONG_MS
    )
    tab.rests()
    expect(page.locator("#emo-verdict")).not_to_contain_text("Changed since")
    expect(tab.cell(2, 3)).to_contain_text("Nobody said this, it was typed.")

    tab.press("make_files")
    report = page.locator("#emo-files tr", has_text=re.compile(r"report\s*\.html"))
    with page.expect_download() as download:
        report.locator("a").first.click()
    saved = tmp_path / "report.html"
    download.value.save_as(saved)
    html = saved.read_text(encoding="utf-8")
    assert "Nobody said this, it was typed." in html

    assert len(server.files) > 10
    page.close()
    until(lambda: not server.files)


_CUES = (
    ("小明：你好，今天的天气真的很好。", "小明"),
    ("小红：[傲娇] 我们明天一起去海边吧。", "小红"),
    ("小明：（叹气）我不想再等了，你知道的。", "小明"),
    ("小红：[door slams] 那就算了，我自己去。", "小红"),
)


@pytest.mark.parametrize(("locale", "language"), [("en-US", "en"), ("zh-CN", "zh")])
def test_words_from_a_file_with_what_is_to_know_of_them(
    open_tab, server, tmp_path, locale, language
):
    from playwright.sync_api import expect

    tab = open_tab(locale)
    page = tab.page
    tab.press("try_sample")  # without consent: it is loaded, not analysed
    tab.shows("#emo-status", tab.say("consent_missing"))
    tab.rests()
    words = tmp_path / "minutes.srt"
    cues = [
        f"{n + 1}\n00:00:{5 * n:02d},500 --> 00:00:{5 * n + 4:02d},500\n{text}\n"
        for n, (text, _) in enumerate(_CUES)
    ]
    words.write_bytes("\n".join(cues).encode("gb18030"))

    def choose_words() -> None:
        with page.expect_file_chooser(timeout=INSIST_MS) as chooser:
            tab.press("words")
        chooser.value.set_files(words)
        tab.shows("#emo-words-note", "minutes.srt", timeout_ms=INSIST_MS)

    insist(choose_words, lambda: None)
    expect(page.locator("#emo-words-drop")).to_be_visible()
    page.locator("#emo-consent input").check()
    tab.work("analyse")
    # Where the words come from, how they were read, and who speaks.
    tab.shows("#emo-summary", say("words_file", language, name="minutes.srt"))
    guessed = {"en": "minutes.srt is not UTF-8: read as GB 18030", "zh": "minutes.srt 不是 UTF-8"}
    tab.shows("#emo-summary", guessed[language])
    tab.shows("#emo-summary", f"“{tab.say('encoding')}”")
    expect(page.locator("#emo-summary")).not_to_contain_text("--encoding")
    for row, (_, speaker) in enumerate(_CUES):
        expect(tab.cell(row, 0)).to_contain_text(speaker)
    tab.shows("#emo-segment h3", "小明")

    # Stage directions are said, unless a person does not want them.
    page.locator("#emo-directions input").uncheck()
    tab.work("resynthesise")
    left_out = {"en": "（叹气）, [door slams]: not said", "zh": "（叹气）、[door slams]：不朗读"}
    tab.shows("#emo-result", left_out[language])
    tab.shows("#emo-result", f"“{tab.say('directions')}”")
    tab.shows("#emo-result", "[傲娇]")

    # The encoding that a person names is taken at its word.
    page.get_by_text(tab.say("more_settings"), exact=True).click()
    insist(
        lambda: tab.choose("#emo-encoding", "gb18030"),
        lambda: expect(page.locator("#emo-encoding input")).to_have_value(
            re.compile("gb18030"), timeout=INSIST_MS
        ),
    )
    tab.work("analyse")
    expect(page.locator("#emo-summary")).not_to_contain_text("UTF-8")
    expect(tab.cell(0, 3)).to_contain_text("今天的天气真的很好")
    page.locator("#emo-words-drop").click()
    expect(page.locator("#emo-words-note")).not_to_contain_text("minutes.srt")
    until(lambda: "minutes.srt" not in {path.name for path in server.files})
    page.close()
    until(lambda: not server.files)


def test_a_bad_file_is_one_sentence(open_tab, tmp_path):
    tab = open_tab()
    bad = tmp_path / "talk.wav"
    bad.write_text("this is no audio")
    with tab.page.expect_response("**/upload?**"):
        tab.page.set_input_files("#emo-recording input[type=file]", bad)
    tab.page.locator("#emo-consent input").check()
    tab.page.locator("#emo-recording [aria-label=Clear], #emo-recording button").first.wait_for()
    tab.press("analyse")
    tab.shows("#emo-status .emo-bad", "talk.wav")
    sentence = tab.page.locator("#emo-status .emo-bad").inner_text()
    assert "Traceback" not in sentence
    assert "\n" not in sentence
    tab.rests()


def write_video(path: Path) -> Path:
    """Write a second of blue with a tone."""
    import av

    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=10, width=64, height=64, pix_fmt="yuv420p")
        sound = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for _ in range(10):
            blue = np.full((64, 64, 3), (0, 0, 255), np.uint8)
            container.mux(picture.encode(av.VideoFrame.from_ndarray(blue, format="rgb24")))
        tone = (8000 * np.sin(np.arange(16_000) * 0.05)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
        frame.sample_rate = 16_000
        container.mux(sound.encode(frame))
        for stream in (picture, sound):
            container.mux(stream.encode(None))
    return path


def test_an_upload_goes_when_it_is_replaced_and_when_the_page_is_closed(open_tab, server, tmp_path):
    tab = open_tab()
    mine = tmp_path / "my own voice 😀.wav"
    soundfile.write(mine, np.random.default_rng(0).normal(0, 0.1, 32_000), 16_000)
    tab.page.set_input_files("#emo-recording input[type=file]", mine)
    (upload,) = until(lambda: [path for path in server.files if path.suffix == ".wav"])
    tab.press("try_sample")  # without consent: it is loaded, not analysed
    tab.shows("#emo-status", tab.say("consent_missing"))
    assert upload not in server.files
    assert "sample_en.flac" in {path.name for path in server.files}
    tab.rests()

    video = write_video(tmp_path / "talk.mkv")

    def choose_video() -> None:
        with tab.page.expect_file_chooser(timeout=INSIST_MS) as chooser:
            tab.press("open_video")
        chooser.value.set_files(video)

    insist(choose_video, lambda: None)
    until(lambda: {path.name for path in server.files if path.is_file()} == {"talk.mkv"})
    tab.page.close()
    until(lambda: not server.files)
