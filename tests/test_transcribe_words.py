"""Words in their place: windows, pauses, languages, Chinese, what got no words; and a real Whisper."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from bilingual import check_says_the_same
from hypothesis import given
from hypothesis import strategies as st
from test_transcribe import RATE_HZ, FakeWhisper, fake_speech_found, tone

from gpt_sovits_emotion.audio import recording_from_samples
from gpt_sovits_emotion.cli.console import echo_transcript
from gpt_sovits_emotion.core.errors import WhisperModelError
from gpt_sovits_emotion.core.records import (
    RecordingInfo,
    Segment,
    Sentence,
    TaggedSegment,
    TaggedTranscript,
    Word,
)
from gpt_sovits_emotion.report.content import notices_of
from gpt_sovits_emotion.transcription import TranscribeOptions, recogniser, transcribe
from gpt_sovits_emotion.transcription.chinese import written_in_chinese
from gpt_sovits_emotion.transcription.heard import Heard
from gpt_sovits_emotion.transcription.languages import Languages
from gpt_sovits_emotion.transcription.placing import placed, utterances
from gpt_sovits_emotion.transcription.speech import Stretch
from gpt_sovits_emotion.transcription.windows import WINDOW_S, packed

speech_lists = st.lists(
    st.tuples(st.floats(0.1, 8.0), st.floats(0.1, 12.0)), min_size=1, max_size=40
).map(lambda pairs: list(_stretches(pairs)))


def _stretches(pairs):
    time_s = 0.0
    for pause_s, length_s in pairs:
        yield Stretch(time_s + pause_s, time_s + pause_s + length_s)
        time_s += pause_s + length_s


# --- windows ---------------------------------------------------------------------------------------


@given(speech_lists)
def test_windows_hold_whole_stretches_in_order_and_no_more_than_whisper_hears(speech):
    windows = packed(speech, speech[-1].end_s + 1.0)
    assert [one for window in windows for one in window.speech] == speech
    time_s = 0.0
    for window in windows:
        assert sum(one.duration_s for one in window.heard) <= WINDOW_S + 1e-6
        for one in window.heard:
            assert one.start_s >= time_s - 1e-9
            time_s = one.end_s
        for spoken in window.speech:
            assert any(
                one.start_s <= spoken.start_s and spoken.end_s <= one.end_s for one in window.heard
            )


def test_pauses_are_kept_and_long_silences_shortened():
    speech = [Stretch(75.0, 77.0), Stretch(78.5, 80.0), Stretch(100.0, 103.0)]
    (window,) = packed(speech, 110.0)
    assert window.heard == (Stretch(74.5, 81.0), Stretch(99.0, 103.5))


def test_windows_are_cut_at_the_longer_pause():
    speech = list(_stretches([(0.2, 2.8)] * 8 + [(1.5, 2.8)] + [(0.2, 2.8)] * 6))
    windows = packed(speech, speech[-1].end_s)
    assert [len(window.speech) for window in windows] == [8, 7]


def test_no_speech_is_no_window():
    assert packed([], 10.0) == []


# --- words on their side of a pause ----------------------------------------------------------------


def said(*words, language="en"):
    """What was heard, of (start, end, text) each."""
    made = tuple(Word(start_s, end_s, text, 0.9) for start_s, end_s, text in words)
    text = "".join(word.text for word in made).strip()
    return Heard(made[0].start_s, made[-1].end_s, text, language, made, -0.2, 0.0, 1.2)


def texts_by_utterance(heard, speech):
    words = [word for one in heard for word in one.words]
    return [
        "".join(w.text for w in words if one.start_s <= w.start_s and w.end_s <= one.end_s).strip()
        for one in utterances(speech)
    ]


def test_the_first_word_behind_a_pause_goes_to_its_sentence():
    # Times as Whisper base gave them: the pause is a part of "it's", and of "don't".
    speech = [Stretch(37.4, 39.5), Stretch(41.2, 42.0), Stretch(45.9, 47.3), Stretch(48.7, 49.7)]
    heard = [
        said(
            (38.6, 38.82, " couple of"),
            (38.82, 39.2, " minutes"),
            (39.2, 41.24, " it's"),
            (41.24, 41.44, " 11"),
            (41.44, 41.76, " o'clock."),
            (45.47, 46.73, " to the"),
            (46.73, 47.11, " meeting"),
            (47.11, 48.87, " don't"),
        ),
        said((48.87, 49.03, " forget"), (49.03, 49.51, " a jacket.")),
    ]
    assert texts_by_utterance(placed(heard, speech), speech) == [
        "couple of minutes",
        "it's 11 o'clock.",
        "to the meeting",
        "don't forget a jacket.",
    ]


def test_a_sentence_stays_together_although_its_first_word_ends_in_the_pause():
    speech = [Stretch(0.96, 2.27), Stretch(5.35, 6.56)]
    heard = [
        said((0.46, 1.3, " It's 11"), (1.3, 1.8, " o'clock")),
        said((1.8, 2.84, " The"), (2.84, 5.64, " surface"), (5.64, 6.36, " is slick")),
    ]
    first, second = placed(heard, speech)
    assert (second.text, second.start_s, second.end_s) == ("The surface is slick", 5.35, 6.56)
    assert first.end_s == 2.27  # drawn out to the end of the speech


def test_words_of_one_utterance_keep_their_times():
    heard = [said((1.0, 1.4, " one"), (1.4, 1.9, " two"), (1.9, 2.5, " three."))]
    (one,) = placed(heard, [Stretch(1.0, 2.5)])
    assert one == heard[0]


def test_without_words_or_speech_nothing_is_moved():
    text = Heard(0.0, 2.0, "hello", "en", (), -0.2, 0.0, 1.2)
    assert placed([text], [Stretch(0.5, 1.5)]) == [text]
    heard = [said((1.0, 1.4, " one"))]
    assert placed(heard, []) == heard


@given(
    speech_lists,
    st.lists(
        st.lists(
            st.tuples(st.floats(0, 3), st.sampled_from([" a", " b.", "我"])), min_size=1, max_size=8
        ),
        max_size=5,
    ),
)
def test_order_and_number_of_words_stay_and_all_lie_in_speech(speech, sentences):
    time_s, heard = 0.0, []
    for sentence in sentences:
        words = []
        for length_s, text in sentence:
            words.append((time_s, time_s + length_s, text))
            time_s += length_s
        heard.append(said(*words))
    result = placed(heard, speech)
    assert [w.text for one in result for w in one.words] == [
        w.text for one in heard for w in one.words
    ]
    spoken = utterances(speech)
    for a, b in itertools.pairwise(word for one in result for word in one.words):
        assert a.start_s <= a.end_s <= b.start_s <= b.end_s
    for word in (word for one in result for word in one.words):
        assert any(one.start_s <= word.start_s and word.end_s <= one.end_s for one in spoken)


# --- languages -------------------------------------------------------------------------------------


def asking(by_time, whole=None):
    """Answer which language is spoken by the middle of what is asked for, or in the whole window."""

    def ask(stretches):
        return [
            (whole or by_time[0][1])
            if stretch is None
            else next(p for until_s, p in by_time if sum(stretch) / 2 < until_s)
            for stretch in stretches
        ]

    return ask


FOUR = [Stretch(0, 3), Stretch(4, 7), Stretch(8, 11), Stretch(12, 15)]
DE, EN = {"de": 0.95, "en": 0.02}, {"en": 0.9, "de": 0.03}


def test_one_language_is_one_run():
    assert Languages().runs(FOUR, asking([(20, DE)])) == [("de", FOUR)]


def test_a_clear_change_parts_a_window():
    runs = Languages().runs(FOUR, asking([(7.5, DE), (20, EN)]))
    assert runs == [("de", FOUR[:2]), ("en", FOUR[2:])]


def test_an_unclear_utterance_keeps_the_language_of_its_neighbours():
    unclear = {"nn": 0.4, "cy": 0.3, "de": 0.1}
    ask = asking([(3.5, DE), (7.5, unclear), (20, DE)])
    assert Languages().runs(FOUR, ask) == [("de", FOUR)]


def test_one_odd_utterance_is_no_other_language():
    odd = {"ru": 0.8, "en": 0.02}
    three = [Stretch(0, 2), Stretch(3, 8)]
    assert Languages().runs(three, asking([(2.5, odd), (20, EN)], whole=EN)) == [("en", three)]


def test_where_the_utterances_are_unsure_the_whole_window_is_asked():
    unsure = {"tl": 0.4, "en": 0.3}
    assert Languages().runs(FOUR, asking([(20, unsure)], whole=EN)) == [("en", FOUR)]
    assert Languages().runs(FOUR, asking([(20, unsure)], whole=unsure)) == [("tl", FOUR)]


def test_an_unclear_window_keeps_the_language_of_the_one_before():
    languages = Languages()
    languages.runs(FOUR, asking([(20, DE)]))
    assert languages.runs(FOUR, asking([(20, {"nl": 0.55, "de": 0.4})])) == [("de", FOUR)]
    assert languages.runs(FOUR, asking([(20, {"en": 0.8, "de": 0.1})])) == [("en", FOUR)]


def test_a_language_that_was_spoken_before_needs_less():
    languages = Languages()
    languages.runs(FOUR, asking([(7.5, DE), (20, EN)]))
    unclear = {"nn": 0.4, "de": 0.3, "en": 0.05}
    runs = languages.runs(FOUR, asking([(3.5, unclear), (20, EN)]))
    assert [code for code, _ in runs] == ["de", "en"]
    assert Languages.of_one({"cy": 0.5, "en": 0.4}, "en") == "en"
    assert Languages.of_one({"zh": 0.9, "en": 0.1}, "en") == "zh"


# --- the wiring ------------------------------------------------------------------------------------


class Sayer(FakeWhisper):
    """Says what `says` gives for each call, having encoded the window as the real one does."""

    def __init__(self):
        super().__init__()
        self.says = lambda n, options: []

    def transcribe(self, samples, **options):
        said_now = self.says(len(self.asked), options)
        self.asked.append((len(samples) / RATE_HZ, options))

        def segments():
            self.encode(self.feature_extractor(samples))
            if said_now:
                yield from said_now
                self.encode(self.feature_extractor(samples))  # what lies behind the last word
                yield whisper_segment((5.5, 6.9, " Thank you."))

        return segments(), SimpleNamespace(language=options["language"])


def whisper_segment(*words, **features):
    given = {"avg_logprob": -0.2, "no_speech_prob": 0.0, "compression_ratio": 1.2, **features}
    made = [
        SimpleNamespace(start=start_s, end=end_s, word=text, probability=0.9)
        for start_s, end_s, text in words
    ]
    text = "".join(word.word for word in made)
    return SimpleNamespace(start=made[0].start, end=made[-1].end, text=text, words=made, **given)


@pytest.fixture
def fake(monkeypatch):
    fake = Sayer()
    found = SimpleNamespace(name="fake", origin="folder", source="faster-whisper:fake")
    monkeypatch.setattr(recogniser, "find_model", lambda *_, **__: found)
    monkeypatch.setattr(recogniser, "load_model", lambda found, **options: fake)
    return fake


def written(*, duration_s=20.0, **options):
    with recording_from_samples(tone(duration_s), RATE_HZ) as recording:
        return transcribe(recording, TranscribeOptions(model="fake", **options))


def test_a_window_is_encoded_once_and_silence_behind_the_last_word_is_not_decoded(
    fake, monkeypatch
):
    fake_speech_found(monkeypatch, [Stretch(1.0, 3.0)])
    fake.says = lambda n, options: [whisper_segment((0.3, 1.5, " Hello"), (1.5, 2.3, " there."))]
    transcript = written()
    assert [segment.text for segment in transcript.segments] == ["Hello there."]
    assert (transcript.segments[0].start_s, transcript.segments[0].end_s) == (1.0, 3.0)
    assert fake.n_encoded == 1


def test_speech_behind_the_last_word_is_decoded(fake, monkeypatch):
    fake_speech_found(monkeypatch, [Stretch(1.0, 3.0), Stretch(8.0, 11.0)])
    fake.says = lambda n, options: [whisper_segment((0.3, 1.5, " Hello"), (1.5, 2.3, " there."))]
    transcript = written()
    assert [segment.text for segment in transcript.segments] == ["Hello there.", "Thank you."]
    assert fake.n_encoded == 2


def test_a_sentence_said_over_and_over_is_not_decoded_anew(fake, monkeypatch):
    fake_speech_found(monkeypatch, [Stretch(1.0, 3.0)])
    fake.says = lambda n, options: [whisper_segment((0.3, 2.3, " Hello"))]
    written()
    ((_, asked),) = fake.asked
    assert asked["compression_ratio_threshold"] == 6.0
    assert asked["condition_on_previous_text"] is False


def test_an_utterance_without_words_is_listened_to_again_by_itself(fake, monkeypatch):
    fake_speech_found(monkeypatch, [Stretch(1.0, 3.0), Stretch(4.0, 7.0)])

    def says(n, options):
        if n == 0:
            return [whisper_segment((0.3, 1.5, " Hello"), (1.5, 2.3, " there.")), silence()]
        return [whisper_segment((0.6, 3.2, " Farewell."))]

    def silence():
        return whisper_segment((6.4, 6.5, " ..."))  # a mark alone, which a guard takes out

    fake.says = says
    transcript = written()
    assert [segment.text for segment in transcript.segments] == ["Hello there.", "Farewell."]
    (_, first), (again_s, again) = fake.asked
    assert again_s == pytest.approx(4.0)  # half a second of silence at each side
    assert first["no_speech_threshold"] == 0.6
    assert again["no_speech_threshold"] is None
    assert again["temperature"] == [0.0]


def test_what_was_left_out_within_an_utterance_is_listened_to_too(fake, monkeypatch):
    fake_speech_found(monkeypatch, [Stretch(1.0, 3.0), Stretch(3.1, 8.0), Stretch(8.15, 10.0)])

    def says(n, options):
        if n == 0:  # the second sentence is a part of the first word of the third
            return [
                whisper_segment(
                    (0.5, 1.5, " Hello"),
                    (1.5, 2.4, " there."),
                    (2.4, 8.2, " And"),
                    (8.2, 9.4, " bye."),
                )
            ]
        return [whisper_segment((0.2, 3.0, " Something else."))]

    fake.says = says
    transcript = written()
    assert [one.text for one in transcript.segments] == [
        "Hello there.",
        "Something else.",
        "And bye.",
    ]


def test_what_stays_without_words_is_a_segment_without_words(fake, monkeypatch):
    fake_speech_found(monkeypatch, [Stretch(1.0, 3.0), Stretch(4.0, 7.0), Stretch(9.0, 9.8)])
    unsure = {"avg_logprob": -1.4, "no_speech_prob": 0.9}

    def says(n, options):
        if n == 0:
            return [whisper_segment((0.3, 2.3, " Hello there.")), end()]
        return [whisper_segment((0.6, 3.2, " Thank you."), **unsure)]

    def end():
        return whisper_segment((8.5, 9.2, " Bye."))

    fake.says = says
    transcript = written()
    assert [(one.start_s, one.end_s, one.text) for one in transcript.segments] == [
        (1.0, 3.0, "Hello there."),
        (4.0, 7.0, ""),
        (9.0, 9.8, "Bye."),
    ]
    assert transcript.segments[1].language == "en"
    (removed,) = transcript.removed
    assert removed.text == "Thank you."
    assert "unsure" in removed.reason


def test_each_language_of_a_window_is_heard_by_itself(fake, monkeypatch):
    fake_speech_found(monkeypatch, [Stretch(1.0, 5.0), Stretch(6.0, 9.2)])
    fake.heard_language = lambda length_s: "de" if length_s > 4.5 else "en"

    def says(n, options):
        text = " Wort" if options["language"] == "de" else " word"
        return [whisper_segment((0.6, 2.4, text), (2.4, 4.3, text))]

    fake.says = says
    transcript = written()
    assert [(one.language, one.text) for one in transcript.segments] == [
        ("de", "Wort Wort"),
        ("en", "word word"),
    ]
    assert [asked["language"] for _, asked in fake.asked] == ["de", "en"]


def test_a_given_language_is_not_looked_for(fake, monkeypatch):
    fake_speech_found(monkeypatch, [Stretch(1.0, 3.0)])
    fake.heard_language = lambda length_s: pytest.fail("was asked")
    fake.says = lambda n, options: [whisper_segment((0.3, 2.0, " Wort"))]
    assert written(language="de").language == "de"


# --- speech without words is told -----------------------------------------------------------------


def tagged(*texts, transcriber="faster-whisper:base", corrected=None):
    info = RecordingInfo("talk.wav", 20.0, RATE_HZ, 1, -20.0, 0.0)
    nobody = Sentence("any", "任意")
    segments = tuple(
        TaggedSegment(Segment(3.0 * i, 3.0 * i + 2.0, text, "en"), None, corrected_text=corrected)
        for i, text in enumerate(texts)
    )
    return TaggedTranscript(info, segments, "en", transcriber, "any-head", nobody, "global", nobody)


def test_seconds_without_words_are_counted():
    assert tagged("Hello.", "", " ").wordless_s == pytest.approx(4.0)
    assert tagged("Hello.").wordless_note is None
    assert tagged("", corrected="Bye.").wordless_s == 0.0
    # Where nobody looked for words, none are missing.
    assert tagged("", "", transcriber="none").wordless_note is None


def test_terminal_and_page_say_how_many_seconds_have_no_words(capsys):
    transcript = tagged("Hello.", "")
    echo_transcript("talk.wav", transcript, "en")
    assert "2.0 s of speech have no words" in capsys.readouterr().out
    echo_transcript("talk.wav", transcript, "zh")
    assert "有 2.0 秒语音没有文字" in capsys.readouterr().out
    assert transcript.wordless_note in notices_of(transcript, None)


# --- prompts ---------------------------------------------------------------------------------------


def tokens(fake, n):
    fake.hf_tokenizer.encode = lambda text, **_: SimpleNamespace(ids=[0] * n)


def test_prompt_and_hotwords_go_to_every_window(fake, monkeypatch):
    fake_speech_found(monkeypatch, [Stretch(1.0, 21.0), Stretch(25.0, 45.0)])
    tokens(fake, 10)
    written(duration_s=50.0, initial_prompt="As \n Anna said.", hotwords=" Anna  Q. ")
    assert len(fake.asked) >= 2
    assert all(one["initial_prompt"] == "As Anna said." for _, one in fake.asked)
    assert all(one["hotwords"] == "Anna Q." for _, one in fake.asked)


def test_a_prompt_that_is_too_long_is_one_sentence(fake, monkeypatch):
    fake_speech_found(monkeypatch, [Stretch(1.0, 3.0)])
    tokens(fake, 300)
    with pytest.raises(WhisperModelError, match=r"300 tokens long .* takes 220") as caught:
        written(initial_prompt="long " * 300)
    check_says_the_same(caught.value)
    assert fake.asked == []


# --- Chinese ---------------------------------------------------------------------------------------


def chinese(text, *words, start_s=0.0, end_s=2.0, language="zh"):
    made = tuple(Word(start_s, end_s, word) for word in words)
    return Segment(start_s, end_s, text, language, made)


@pytest.mark.parametrize(
    ("heard", "script", "expected"),
    [
        ("說話,後面的皇后", "simplified", "说话，后面的皇后。"),
        ("头发在后面", "traditional", "頭髮在後面。"),
        ("說話和说话", "as-heard", "說話和说话。"),
        ("你好 再见", "simplified", "你好，再见。"),
        ("真的?好!", "simplified", "真的？好！"),
        ("他说:走吧(快)", "simplified", "他说：走吧（快）"),
        ("圆周率是3.14,对", "simplified", "圆周率是3.14，对。"),
        ("用 GPT-SoVITS,很好", "simplified", "用 GPT-SoVITS，很好。"),
        ("难听,", "simplified", "难听。"),
    ],
)
def test_chinese_as_it_is_written(heard, script, expected):
    (one,) = written_in_chinese([chinese(heard)], script)
    assert one.text == expected
    (one,) = written_in_chinese([chinese(heard, *heard)], script)
    assert one.text == expected
    assert "".join(word.text for word in one.words) == expected


def test_a_pause_inside_of_a_segment_is_a_comma():
    words = (Word(0.0, 0.5, "你"), Word(0.5, 1.0, "好"), Word(1.4, 2.0, "再见"))
    (one,) = written_in_chinese([Segment(0.0, 2.0, "你好再见", "zh", words)], "simplified")
    assert one.text == "你好，再见。"
    assert [word.text for word in one.words] == ["你", "好，", "再见。"]


def test_a_short_pause_is_a_comma_and_other_languages_stay():
    segments = [
        chinese("你好", end_s=1.0),
        chinese("再见", start_s=1.2, end_s=2.0),
        chinese("hello, 你好", start_s=4.0, end_s=5.0, language="en"),
        chinese("", start_s=6.0, end_s=8.0),
    ]
    texts = [one.text for one in written_in_chinese(segments, "simplified")]
    assert texts == ["你好，", "再见。", "hello, 你好", ""]


# --- a real Whisper on real speech -----------------------------------------------------------------


@pytest.mark.corpus
@pytest.mark.slow
def test_sentences_behind_a_long_silence_are_written_down_where_they_are(
    whisper_base, corpora_dir, joined_recordings
):
    joined = joined_recordings.join(corpora_dir, ("emodb",), n_clips=6, seed=1, variant="lead")
    measured, transcript = heard_by(whisper_base, joined, joined_recordings)
    assert transcript.segments[0].start_s == pytest.approx(75.0, abs=0.5)
    assert sum(measured.placed) >= 5
    assert measured.error < 0.1
    assert measured.n_languages_right == 6


@pytest.mark.corpus
@pytest.mark.slow
def test_two_languages_in_one_recording_are_told_apart(
    whisper_base, corpora_dir, joined_recordings
):
    names = ("emodb", "ravdess")
    joined = joined_recordings.join(corpora_dir, names, n_clips=9, seed=2, variant="two")
    measured, transcript = heard_by(whisper_base, joined, joined_recordings)
    assert {segment.language for segment in transcript.segments} == {"de", "en"}
    assert measured.n_languages_right >= 8
    assert sum(measured.placed) >= 8


def heard_by(folder, joined, joined_recordings):
    options = TranscribeOptions(model=str(folder), device="cpu", compute_type="int8")
    with recording_from_samples(joined.samples, RATE_HZ) as recording:
        transcript = transcribe(recording, options)
    texts = [
        joined_recordings.Text(one.start_s, one.end_s, one.text, one.language)
        for one in transcript.segments
    ]
    return joined_recordings.measure(joined, texts), transcript


@pytest.fixture(scope="session")
def joined_recordings():
    """The module of the benchmark that joins recordings and measures what was written of them."""
    path = Path(__file__).resolve().parents[1] / "benchmarks" / "joined.py"
    spec = importlib.util.spec_from_file_location("joined", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["joined"] = module
    spec.loader.exec_module(module)
    return module


def test_what_was_written_is_measured_by_sentence(joined_recordings):
    Sentence, Text = joined_recordings.Sentence, joined_recordings.Text
    joined = joined_recordings.Joined(
        "any",
        np.zeros(16_000, np.float32),
        (
            Sentence(0.0, 2.0, "abcd efgh", "de"),
            Sentence(3.0, 5.0, "It's eleven o'clock", "en"),
            Sentence(6.0, 9.0, "nobody hears this", "en"),
        ),
    )
    texts = [
        Text(0.1, 1.0, "Abcd", "de"),
        Text(1.0, 2.5, "efgx", "de"),
        Text(3.0, 5.0, "It's 11 o'clock.", "de"),
        Text(6.0, 8.0, " ", "en"),
    ]
    measured = joined_recordings.measure(joined, texts)
    assert measured.placed == (True, True, False)
    assert measured.lost_s == 3.0
    assert measured.n_languages_right == 1
    assert measured.error == pytest.approx((1 + 15) / (8 + 15 + 15))
