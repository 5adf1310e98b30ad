"""The timeline, the page and the report's JSON, from a round trip made of generated tones."""

from __future__ import annotations

import dataclasses
import re
import struct
import xml.etree.ElementTree as ElementTree
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from browser import running_chromium

from gpt_sovits_emotion import report as report_package
from gpt_sovits_emotion.core.errors import OutputError, TranscriptError
from gpt_sovits_emotion.core.labels import UNSURE, colour_of
from gpt_sovits_emotion.core.records import (
    Audio,
    Cue,
    EmotionScores,
    FrameTracks,
    RecordingInfo,
    ReferenceCandidate,
    ReferenceChoice,
    ReferenceClip,
    RemovedText,
    RoundTripReport,
    RoundTripSegment,
    Segment,
    Sentence,
    Synthesis,
    SynthesisedSegment,
    TaggedSegment,
    TaggedTranscript,
)
from gpt_sovits_emotion.report import TimelineData, TimelineSegment, fonts, page, pictures, timeline

RATE_HZ = 16_000
HOP_S = 0.01
EVIL = (
    "</script></style><img src=x onerror=\"document.title='owned'\">"
    "<script>document.title='owned'</script>"
)
SPANS_S = [(0.5, 1.5), (2.0, 3.0), (3.5, 4.5), (5.0, 5.4)]
LABELS = ["angry", UNSURE, "happy", "傲娇"]


# --- a round trip without models ---------------------------------------------------------------------


def audio(duration_s: float = 6.0, *, f0_hz: float = 200.0) -> Audio:
    times_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    return Audio(0.3 * np.sin(2 * np.pi * f0_hz * times_s).astype(np.float32), RATE_HZ)


def scores(label: str, probability: float = 0.87) -> EmotionScores:
    best = "neutral" if label == UNSURE else label
    return EmotionScores(
        {best: probability, "sad": 1 - probability},
        label,
        (Cue("rate", 18.0, "%", "speaker"),),
        Sentence(f"{label}: 18 % faster", f"{label}：快 18 %"),
    )


def tagged(*, text: str = "你好", free_label: str = "傲娇") -> list[TaggedSegment]:
    segments = [
        TaggedSegment(Segment(start_s, end_s, text, "zh"), scores(label))
        for (start_s, end_s), label in zip(SPANS_S, LABELS, strict=True)
    ]
    segments[3] = dataclasses.replace(
        segments[3], scores=scores("sad"), corrected_label=free_label, corrected_text=f"改 {text}"
    )
    return segments


def tracks(segments: list[TaggedSegment]) -> list[FrameTracks]:
    made = []
    for segment in segments:
        f0_hz = np.full(round(segment.segment.duration_s / HOP_S), 200.0, np.float32)
        f0_hz[10:20] = np.nan
        quiet = np.zeros_like(f0_hz)
        made.append(FrameTracks(HOP_S, f0_hz, quiet, quiet, np.zeros(0, np.float32)))
    return made


def document(segments: list[TaggedSegment], *, name: str = "talk.wav") -> TaggedTranscript:
    return TaggedTranscript(
        RecordingInfo(name, 6.0, 44_100, 2, -31.5, 8.5, (Sentence("it clips", "有削波"),)),
        tuple(segments),
        "zh",
        "faster-whisper:base",
        "prosody-emodb",
        Sentence("Prosody, EmoDB", "韵律，EmoDB"),
        "speaker",
        Sentence("from 12 segments", "来自 12 段"),
        (RemovedText(5.5, 5.9, "谢谢观看", "no speech there"),),
    )


def round_trip(
    segments: list[TaggedSegment], *, name: str = "talk.wav"
) -> tuple[RoundTripReport, Synthesis]:
    clip = ReferenceClip(Path("/home/ada/bank/angry/a & b.wav"), "angry", "你好", "zh", 4.0)
    spare = dataclasses.replace(clip, path=Path("/home/ada/bank/angry/spare.wav"))
    reason = Sentence("same emotion, 4.0 s", "同情感，4.0 秒")
    candidates = tuple(ReferenceCandidate(each, 1.0, reason) for each in (clip, spare))
    survived = [True, None, False, None]
    results, spoken = [], []
    for index, segment in enumerate(segments):
        choice = ReferenceChoice(
            segment.label, candidates, clip, reason, substituted=index == 2, manual=index == 3
        )
        heard = None if index == 3 else scores("sad" if index == 2 else LABELS[index])
        results.append(
            RoundTripSegment(
                index, segment.label, choice, heard, None, survived[index], Sentence("note", "说明")
            )
        )
        start_s, end_s = SPANS_S[index]
        said = None if index == 3 else audio(end_s - start_s)
        spoken.append(SynthesisedSegment(index, start_s + 0.1, said))
    title = Sentence("eSpeak NG (not GPT-SoVITS)", "eSpeak NG（不是 GPT-SoVITS）")
    made = RoundTripReport(
        document(segments, name=name),
        tuple(results),
        "embedded",
        title,
        "demo",
        True,
        "prosody-emodb",
        True,
        {"transcript": "talk.json"},
    )
    return made, Synthesis(tuple(spoken), audio(6.5), "embedded", title, "demo")


def write(tmp_path: Path, *, text: str = "你好", language: str = "en", **options: str) -> Path:
    segments = tagged(text=text, **{k: v for k, v in options.items() if k == "free_label"})
    name = options.get("name", "talk.wav")
    made, synthesis = round_trip(segments, name=name)
    report_package.write_report(
        made,
        tmp_path,
        before=audio(),
        before_timeline=report_package.timeline_of_audio(
            audio(), segments, tracks=tracks(segments), title=name
        ),
        synthesis=synthesis,
        after_timeline=report_package.timeline_of_audio(synthesis.joined, segments[:3]),
        language=language,
    )
    return tmp_path / "report.html"


class Page(HTMLParser):
    """What a browser would make of a page: elements with attributes, and text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.source = path.read_text("utf-8")
        self._open: list[str] = []
        self.feed(self.source)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, {name: value or "" for name, value in attributes}))
        self._open.append(tag)

    def handle_endtag(self, tag):
        self._open = (
            self._open[: -self._open[::-1].index(tag) - 1] if tag in self._open else self._open
        )

    def handle_data(self, data):
        if not {"script", "style"} & set(self._open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


# --- what a timeline is drawn from -------------------------------------------------------------------


class LongRecording:
    """Stands in for a three-hour recording: makes its samples as they are read, and keeps watch."""

    def __init__(self, duration_s: float) -> None:
        self.duration_s = duration_s
        self.sampling_rate_hz = RATE_HZ
        self.info = RecordingInfo("long.wav", duration_s, RATE_HZ, 1, -23.0, 0.0)
        self.longest_read_s = 0.0
        self.n_samples = round(duration_s * RATE_HZ)

    def read(self, start_s: float = 0.0, end_s: float | None = None) -> Audio:
        first = round(start_s * RATE_HZ)
        last = min(round((end_s or self.duration_s) * RATE_HZ), self.n_samples)
        self.longest_read_s = max(self.longest_read_s, (last - first) / RATE_HZ)
        return Audio(
            np.linspace(first, last, last - first, endpoint=False, dtype=np.float32), RATE_HZ
        )


@pytest.mark.parametrize("duration_s", [0.0005, 0.3, 59.99, 60.0, 125.003])
def test_envelope_by_blocks_is_that_of_the_whole(duration_s):
    recording = LongRecording(duration_s)
    blocks = report_package.timeline_of_recording(recording, [])
    whole = report_package.timeline_of_audio(recording.read(), [], title="long.wav")
    np.testing.assert_array_equal(blocks.envelope, whole.envelope)
    assert blocks.envelope[0, 0] == 0.0
    assert blocks.envelope[-1, 1] == recording.n_samples - 1
    assert blocks.title == "long.wav"


def test_three_hours_are_read_in_blocks_and_drawn_with_thousands_of_segments():
    recording = LongRecording(3 * 3600.0)
    segments = [
        TaggedSegment(Segment(3.0 * i, 3.0 * i + 2.5, "x"), scores(LABELS[i % 3]))
        for i in range(3000)
    ]
    f0_hz = np.full(250, 180.0, np.float32)
    track = FrameTracks(HOP_S, f0_hz, f0_hz, f0_hz, np.zeros(0, np.float32))
    data = report_package.timeline_of_recording(recording, segments, tracks=[track] * len(segments))
    assert recording.longest_read_s <= 60.0
    assert len(data.envelope) <= 4800
    assert np.nanmax(data.f0_hz) == 180.0
    picture = pictures.draw_svg(data, name="before")
    assert picture.screens == pytest.approx(4.8)
    assert len(picture.svg) < 8e6


def test_pitch_is_laid_out_over_the_recording_with_gaps():
    segments = tagged()
    data = report_package.timeline_of_audio(audio(), segments, tracks=tracks(segments))
    assert data.f0_hop_s == HOP_S
    voiced = np.isfinite(data.f0_hz)
    assert voiced[[50, 59, 60, 69, 70]].tolist() == [True, True, False, False, True]
    assert voiced.sum() == 3 * 90 + 30


def test_columns_take_the_median_of_their_voiced_frames():
    f0_hz = np.array([100, np.nan, 300, np.nan, np.nan, np.nan, 200], np.float32)
    np.testing.assert_array_equal(
        timeline._column_medians(f0_hz, 3), np.array([200, np.nan, 200], np.float32)
    )


# --- the picture -------------------------------------------------------------------------------------


def timeline_data(**changes: object) -> TimelineData:
    segments = tagged()
    data = report_package.timeline_of_audio(
        audio(), segments, tracks=tracks(segments), title="talk"
    )
    return dataclasses.replace(data, **changes)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_png_has_the_size_asked_for(tmp_path, language):
    path = tmp_path / "timeline.png"
    report_package.write_timeline(timeline_data(), path, language=language)
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">I", data[16:20]) == (1650,)
    assert data == timeline.draw_timeline(timeline_data(), language=language)


@pytest.mark.parametrize("chinese_font", [True, False])
def test_no_sign_is_drawn_that_no_font_has(monkeypatch, chinese_font):
    if not chinese_font:
        monkeypatch.setattr(fonts, "font_families", lambda: ("DejaVu Sans",))
        monkeypatch.setattr(timeline, "font_families", lambda: ("DejaVu Sans",))
        fonts._charmap.cache_clear()
    try:
        data = timeline_data(title="采访 😀🫠 \x07 $x_1$ talk")
        # matplotlib warns of every missing glyph, and warnings are errors here.
        for language in ("en", "zh"):
            assert timeline.draw_timeline(data, language=language)
        assert fonts.can_draw("采访") is False or chinese_font
    finally:
        fonts._charmap.cache_clear()


def test_labels_stand_in_lanes_and_unsure_is_hatched():
    with timeline.drawing():
        figure = timeline.draw_figure(timeline_data(), lambda s: s.en, width_in=10.0)
        ribbon = figure.axes[2]
        names = [label.get_text() for label in ribbon.get_yticklabels()]
        boxes = {
            boxes.get_hatch(): boxes for boxes in ribbon.collections if boxes.get_alpha() is None
        }
        words = [text.get_text() for text in ribbon.texts]
    assert names == ["happy", "angry", "傲娇", "unsure"]
    assert set(boxes) == {None, "/////"}
    assert len(boxes["/////"].get_facecolor()) == 0
    assert words == ["angry 87 %", "happy 87 %", "傲娇 ✓"]


def test_more_labels_than_lanes_share_the_last():
    many = tuple(TimelineSegment(i, i + 1.0, f"label {i:02d}", 0.5) for i in range(20))
    lanes = timeline.plan_of(timeline_data(segments=many), width_in=10.0).lanes
    assert len(lanes) == 9
    assert lanes[-1] == ""
    assert timeline.draw_timeline(timeline_data(segments=many, duration_s=20.0))


def test_an_empty_recording_is_drawn_too():
    empty = TimelineData(
        0.0, np.zeros((0, 2), np.float32), 0.002, np.zeros(0, np.float32), 0.01, ()
    )
    assert timeline.draw_timeline(empty)


def test_box_words_are_black_or_white_whichever_reads_better():
    assert timeline._on("#ffffff") == timeline._on(colour_of("happy")) == "#000000"
    assert timeline._on("#000000") == timeline._on(colour_of("sad")) == "#ffffff"


def test_drawing_leaves_matplotlib_as_it_was():
    import matplotlib

    before = dict(matplotlib.rcParams)
    timeline.draw_timeline(timeline_data())
    assert dict(matplotlib.rcParams) == before


def test_svg_takes_the_pages_colours_and_words():
    picture = pictures.draw_svg(timeline_data(title=EVIL), name="before").svg
    root = ElementTree.fromstring(picture)
    assert [
        element for element in root.iter() if element.tag.endswith(("script", "style", "img"))
    ] == []
    assert "var(--ink)" in picture
    assert not re.search("|".join(timeline.INKS.values()), picture)
    # The page names the lanes itself.
    assert '<tspan class="en">happy</tspan>' not in picture
    assert '<tspan class="en">angry 87 %</tspan><tspan class="zh">愤怒 87 %</tspan>' in picture
    assert "font-family" not in picture
    ids = re.findall(r'\bid="([^"]+)"', picture)
    assert all(each.startswith("before-") for each in ids)
    assert max(Counter(ids).values()) == 1
    used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', picture))
    assert used <= set(ids)


@pytest.fixture(scope="module")
def plain_page(tmp_path_factory) -> Path:
    """The page of an ordinary round trip, in English."""
    return write(tmp_path_factory.mktemp("plain"))


# --- the page ----------------------------------------------------------------------------------------


def test_report_is_written_whole_and_reads_back_equal(tmp_path):
    segments = tagged()
    made, synthesis = round_trip(segments)
    data = timeline_data()
    written = report_package.write_report(
        made,
        tmp_path,
        before=audio(),
        before_timeline=data,
        synthesis=synthesis,
        after_timeline=data,
    )
    names = {entry.name for entry in tmp_path.iterdir()}
    assert names == {"report.html", "report.json", "timeline.png", "timeline-after.png"}
    assert names == set(written.files.values()) - {"talk.json"}
    assert report_package.read_report(tmp_path / "report.json") == written


def test_a_transcript_is_no_report(tmp_path):
    from gpt_sovits_emotion import transcripts as transcript_io

    path = tmp_path / "report.json"
    transcript_io.write(document(tagged()), path)
    with pytest.raises(TranscriptError, match="expected 'gpt-sovits-emotion/round-trip-report'"):
        report_package.read_report(path)


def test_a_failed_write_leaves_no_page(tmp_path, monkeypatch):
    def full(path, text):
        raise OutputError(f"{path} was not written: the disk is full")

    monkeypatch.setattr(page, "write_text", full)
    with pytest.raises(OutputError, match="disk is full"):
        write(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_page_needs_no_network(plain_page):
    parsed = Page(plain_page)
    for tag, attributes in parsed.elements:
        for name in ("src", "href", "xlink:href", "action", "data"):
            target = attributes.get(name, "#")
            assert target.startswith(("data:audio/mpeg;base64,", "#", "./")), (tag, name, target)
    assert re.findall(r"url\((?!#)[^)]*\)|@import", parsed.source) == []
    policy = next(
        meta["content"] for meta in parsed.all("meta") if "content" in meta and "http-equiv" in meta
    )
    assert policy.startswith("default-src 'none'")


def test_page_says_what_was_heard_by_whom(plain_page):
    text = Page(plain_page).text
    for words in [
        "talk.wav",
        "it clips",
        "faster-whisper:base",
        "eSpeak NG, a small formant synthesiser, and not by GPT-SoVITS",
        "The reference clips are synthetic",
        "not that a person would agree",
        "from 12 segments",
        "1 / 2 segments kept their emotion",
        "angry 87 %",
        "unsure · neutral",
        "angry: 18 % faster",
        "a & b.wav",
        "spare.wav",
        "⇄ substitute",
        "✓ by hand",
        "✓ corrected",
        "原识别为 你好",
        "✕ lost",
        "✓ kept",
        "– not compared",
        "谢谢观看",
        "talk.json",
        # and in Chinese
        "有削波",
        "个片段保留了情感",
        "愤怒",
        "不是 GPT-SoVITS",
    ]:
        assert words in text, words


def test_page_names_no_folder(plain_page):
    assert "/home/ada" not in plain_page.read_text("utf-8")


def test_page_plays_every_spoken_segment_from_both_sides(plain_page):
    parsed = Page(plain_page)
    rows = [row for row in parsed.all("tr") if "data-start" in row]
    assert [(float(row["data-start"]), float(row["data-end"])) for row in rows] == SPANS_S
    assert float(rows[0]["data-again-start"]) == 0.6
    assert float(rows[0]["data-again-end"]) == 1.6
    assert "data-again-start" not in rows[3]
    plays = Counter(button["data-play"] for button in parsed.all("button") if "data-play" in button)
    assert plays == {"before": 4, "after": 3}


def test_whatever_a_person_says_is_inert(tmp_path):
    parsed = Page(write(tmp_path, text=EVIL, free_label=EVIL, name=EVIL))
    assert len(parsed.all("script")) == len(parsed.all("style")) == 1
    assert parsed.all("img") == []
    assert [a for _, a in parsed.elements if any(name.startswith("on") for name in a)] == []
    assert " ".join(EVIL.split()) in parsed.text


def test_page_can_be_used_without_eyes_or_mouse(plain_page):
    parsed = Page(plain_page)
    headings = [int(tag[1]) for tag, _ in parsed.elements if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert set(headings[1:]) == {2}
    named = [a for _, a in parsed.elements if "data-en" in a]
    assert all(a["aria-label"] == a["data-en"] and a["data-zh"] for a in named)
    assert all("aria-label" in a for a in parsed.all("audio"))
    sliders = [a for _, a in parsed.elements if a.get("role") == "slider"]
    assert len(sliders) == 2
    assert all(a["tabindex"] == "0" and "aria-label" in a for a in sliders)
    assert all(a.get("aria-hidden") == "true" for a in parsed.all("svg"))


def test_page_opens_in_the_language_asked_for(tmp_path):
    parsed = Page(write(tmp_path, language="zh"))
    html = parsed.all("html")[0]
    assert (html["lang"], html["data-lang"]) == ("zh-CN", "zh")
    assert all(a["aria-label"] == a["data-zh"] for _, a in parsed.elements if "data-zh" in a)


def test_every_text_colour_reads_on_every_ground():
    """WCAG 2.1, 1.4.3: a contrast of at least 4.5 to 1, in light and in dark."""
    style = page._part("page.css")
    grounds = ("paper", "card", "now")
    blocks = re.findall(r":root[^{]*\{([^}]*--paper[^}]*)\}", style)
    assert len(blocks) == 3
    for block in blocks:
        colours = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", block))
        pairs = [(ink, on) for ink in ("ink", "muted", "accent", "good", "bad") for on in grounds]
        for ink, on in [*pairs, ("notice-ink", "notice")]:
            assert contrast(colours[ink], colours[on]) >= 4.5, (ink, on)


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_long_audio_lies_beside_the_page_and_is_said_to(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "EMBED_LIMIT_BYTES", 1000)
    parsed = Page(write(tmp_path))
    assert [a["src"] for a in parsed.all("audio")] == ["before.mp3", "after.mp3"]
    assert (tmp_path / "before.mp3").stat().st_size > 1000
    assert "keep the two together" in parsed.text


def test_transcript_page_has_no_word_of_synthesis(tmp_path):
    path = tmp_path / "talk.html"
    report_package.write_transcript_page(
        document(tagged()),
        path,
        sound=b"mp3",
        timeline=timeline_data(),
        files={"subtitles": "a b.srt"},
    )
    parsed = Page(path)
    assert len(parsed.all("audio")) == 1
    assert "Reference" not in parsed.text
    assert "./a%20b.srt" in [a["href"] for a in parsed.all("a")]


def test_thousands_of_segments_are_laid_out_as_they_are_scrolled_to(tmp_path):
    segments = [
        TaggedSegment(Segment(i * 0.001, i * 0.001 + 0.001, "x"), scores("sad"))
        for i in range(3000)
    ]
    path = tmp_path / "long.html"
    report_package.write_transcript_page(
        document(segments), path, sound=b"mp3", timeline=timeline_data()
    )
    assert path.stat().st_size < 8e6
    assert "many" in Page(path).all("table")[0]["class"].split()


# --- in a browser ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium that plays sound without being clicked."""
    with running_chromium("--autoplay-policy=no-user-gesture-required") as browser:
        yield browser


@pytest.fixture
def opened(chromium):
    """Opens a page and, at the end, finds that it asked for nothing and complained of nothing."""
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on(
        "request",
        lambda request: (
            request.url.startswith(("data:", "file:")) or complaints.append(request.url)
        ),
    )

    def open_page(path: Path):
        tab.goto(path.as_uri())
        return tab

    yield open_page
    context.close()
    assert complaints == []


def until(tab, expression: str) -> None:
    """Wait until an expression holds; playwright's own waiting is stopped by the page's policy."""
    for _ in range(6000):
        if tab.evaluate(expression):
            return
        tab.wait_for_timeout(50)
    pytest.fail(f"still false after five minutes: {expression}")


@pytest.mark.browser
def test_browser_shows_evil_words_as_words(tmp_path, opened):
    tab = opened(write(tmp_path, text=EVIL, free_label=EVIL))
    assert tab.title().startswith("talk.wav")
    assert EVIL in tab.locator("#s1 .text").inner_text()
    # Nothing sticks out of a phone's screen.
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.browser
def test_browser_switches_language_without_a_reload(plain_page, opened):
    tab = opened(plain_page)
    assert "segments kept their emotion" in tab.locator("body").inner_text()
    tab.click("[data-lang-button=zh]")
    words = tab.locator("body").inner_text()
    assert "个片段保留了情感" in words
    assert "segments kept their emotion" not in words
    assert tab.locator("#audio-before").get_attribute("aria-label") == "原录音"
    assert tab.locator("html").get_attribute("lang") == "zh-CN"
    dark = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    tab.click("#theme")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") != dark


@pytest.mark.browser
@pytest.mark.parametrize("linked", [False, True])
def test_browser_plays_a_segment_and_stops_at_its_end(tmp_path, opened, monkeypatch, linked):
    if linked:
        monkeypatch.setattr(page, "EMBED_LIMIT_BYTES", 1000)
    tab = opened(write(tmp_path))
    tab.click("#s3 [data-play=after]")
    until(tab, "document.getElementById('audio-after').currentTime > 3.7")
    assert tab.locator("#s3").get_attribute("class") == "now"
    until(tab, "document.getElementById('audio-after').paused")
    stopped_s = tab.evaluate("document.getElementById('audio-after').currentTime")
    assert 4.6 <= stopped_s < 5.0
    # The other player stops when one is started.
    tab.click("#s1 [data-play=before]")
    tab.click("#s1 [data-play=after]")
    until(tab, "!document.getElementById('audio-after').paused")
    until(tab, "document.getElementById('audio-before').paused")
    assert not tab.evaluate("document.getElementById('audio-after').paused")


@pytest.mark.browser
def test_browser_seeks_by_click_and_by_key(plain_page, opened):
    tab = opened(plain_page)
    until(tab, "document.getElementById('audio-before').readyState >= 1")
    seek = tab.locator(".timeline[data-player=before] .seek")
    box = seek.bounding_box()
    # Both pictures span the longer of the two, 6.5 s.
    seek.click(position={"x": box["width"] * 2.0 / 6.5, "y": box["height"] / 2})
    now = "document.getElementById('audio-before').currentTime"
    assert tab.evaluate(now) == pytest.approx(2.0, abs=0.05)
    seek.focus()
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate(now) == pytest.approx(3.0, abs=0.05)
    assert seek.get_attribute("aria-valuetext") == "0:03.0"
    tab.keyboard.press("Home")
    assert tab.evaluate(now) == 0.0
