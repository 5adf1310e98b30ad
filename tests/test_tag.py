"""Tagging and its words: the right segments, the right baseline, nothing invented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from conftest import voiced
from hypothesis import given
from hypothesis import strategies as st

from gpt_sovits_emotion.audio import Recording, recording_from_samples
from gpt_sovits_emotion.core.errors import HeadMismatchError
from gpt_sovits_emotion.core.records import (
    Audio,
    EmotionScores,
    Prosody,
    Segment,
    Sentence,
    Synthesis,
    SynthesisedSegment,
    Transcript,
)
from gpt_sovits_emotion.explain import cues_of, reason_sentence, usual_of_speaker, usual_of_training
from gpt_sovits_emotion.heads import load_head
from gpt_sovits_emotion.synthesis.verifier import verify
from gpt_sovits_emotion.tagging import Analyser, TagOptions, tag
from gpt_sovits_emotion.testing import FAKE_LABELS, FakeEncoder


@pytest.fixture
def analyser(fake_head) -> Analyser:
    encoder = FakeEncoder()
    return Analyser(load_head(fake_head), encoder, encoder)


@pytest.fixture
def recording() -> Iterator[Recording]:
    parts = [voiced(2.0, level=level) for level in (0.1, 0.3, 0.2, 0.15, 0.25, 0.12)]
    with recording_from_samples(np.concatenate(parts), 16_000) as opened:
        yield opened


def _transcript(n_segments: int = 6) -> Transcript:
    segments = tuple(Segment(2.0 * i, 2.0 * i + 1.5, f"text {i}") for i in range(n_segments))
    return Transcript(segments, "en", "file:x.srt")


def test_every_segment_is_scored_and_explained(analyser: Analyser, recording: Recording) -> None:
    tagging = tag(_transcript(), recording, analyser)
    assert len(tagging.transcript.segments) == len(tagging.tracks) == 6
    for tagged in tagging.transcript.segments:
        assert tuple(tagged.scores.probabilities) == FAKE_LABELS
        assert sum(tagged.scores.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert tagged.scores.reason.en
        assert tagged.scores.reason.zh
    assert tagging.transcript.normalisation == "speaker"
    assert "own 6 segments" in tagging.transcript.normalisation_note.en


def test_few_segments_stay_with_the_training_speakers(
    analyser: Analyser, recording: Recording
) -> None:
    few = tag(_transcript(4), recording, analyser).transcript
    assert few.normalisation == "global"
    assert "fewer than 5 segments of this speaker (4)" in few.normalisation_note.en
    off = tag(
        _transcript(), recording, analyser, options=TagOptions(speaker_statistics=False)
    ).transcript
    assert off.normalisation == "global"
    assert "as asked" in off.normalisation_note.en
    for one, other in zip(few.segments, off.segments[:4], strict=True):
        assert one.scores.probabilities == pytest.approx(other.scores.probabilities, abs=1e-6)


def test_statistics_from_elsewhere_go_first(analyser: Analyser, recording: Recording) -> None:
    rows = np.random.default_rng(0).normal(size=(30, 20)).astype(np.float32)
    speaker = analyser.head.statistics(rows, source="bank:li")
    note = tag(_transcript(2), recording, analyser, speaker=speaker).transcript.normalisation_note
    assert note.en == "judged against 30 segments of this speaker from bank:li"


def test_segments_that_cannot_be_judged_say_why(analyser: Analyser) -> None:
    samples = np.concatenate([voiced(2.0), np.zeros(32_000, np.float32)])
    segments = (
        Segment(0.0, 0.1, "short"),
        Segment(0.2, 1.9, "good"),
        Segment(2.5, 3.5, "silent"),
        Segment(90.0, 92.0, "outside"),
    )
    with recording_from_samples(samples, 16_000) as silent_end:
        tagged = tag(Transcript(segments, "en", "x"), silent_end, analyser).transcript.segments
    assert [segment.scores is None for segment in tagged] == [True, False, True, True]
    assert "too short" in tagged[0].problem.en
    assert "no sound" in tagged[2].problem.en
    assert "outside the recording" in tagged[3].problem.en
    assert all(segment.label == "unsure" for segment in tagged if segment.scores is None)


def test_no_segments_give_an_empty_document(analyser: Analyser, recording: Recording) -> None:
    assert tag(Transcript((), "", "none"), recording, analyser).transcript.segments == ()


def test_batches_do_not_change_the_verdict(
    analyser: Analyser, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tag(_transcript(), recording, analyser).transcript
    monkeypatch.setattr("gpt_sovits_emotion.tagging._BATCH_S", 2.0)
    assert tag(_transcript(), recording, analyser).transcript == whole


def test_smoothing_pulls_neighbours_together(analyser: Analyser, recording: Recording) -> None:
    def rows(smoothing: float) -> np.ndarray:
        tagged = tag(_transcript(), recording, analyser, options=TagOptions(smoothing=smoothing))
        return np.array([list(s.scores.probabilities.values()) for s in tagged.transcript.segments])

    plain, half = rows(0.0), rows(0.5)
    assert np.abs(np.diff(half, axis=0)).sum() < np.abs(np.diff(plain, axis=0)).sum()
    np.testing.assert_allclose(half.sum(axis=1), 1, atol=1e-6)
    # In the middle, by hand: gaps of 0.5 s weigh 0.5 ** (0.5 / 2) each.
    share = 0.5 * 0.5**0.25
    expected = (1 - share) * plain[2] + share * (plain[1] + plain[3]) / 2
    np.testing.assert_allclose(half[2], expected, atol=1e-6)


def test_a_head_meets_only_its_own_encoder(fake_head) -> None:
    encoder = FakeEncoder()
    encoder.fingerprint = "another"
    with pytest.raises(HeadMismatchError):
        Analyser(load_head(fake_head), encoder, encoder)


# --- words -----------------------------------------------------------------------------------------

USUAL = Prosody(2.0, 2.0, 200.0, 8.0, 5.0, -26.0)


def _said(prosody: Prosody, *others: Prosody) -> Sentence:
    usual = usual_of_speaker(others or [USUAL] * 5)
    cues = cues_of(prosody, usual)
    return reason_sentence({"angry": 0.87, "sad": 0.13}, "angry", cues, baseline=usual.source)


def test_the_sentence_says_what_was_measured() -> None:
    louder = replace(USUAL, rate_syl_per_s=5.9, f0_median_hz=252.0, loudness_dbfs=-20.0)
    sentence = _said(louder)
    assert sentence.en == (
        "angry 87 %: 4 semitones higher, 6 dB louder and 18 % faster than this speaker's median"
    )
    assert sentence.zh == "愤怒 87 %：比平时音高高 4 个半音，更响 6 dB，快 18 %"


def test_what_is_not_notable_is_not_said() -> None:
    near = replace(USUAL, rate_syl_per_s=5.2, f0_median_hz=210.0, loudness_dbfs=-25.0)
    assert _said(near).en == "angry 87 %: tempo, pitch and loudness are near this speaker's median"


def test_what_was_not_measured_is_not_said() -> None:
    whisper = replace(USUAL, f0_median_hz=None, f0_range_st=None, rate_syl_per_s=None)
    assert cues_of(whisper, usual_of_speaker([USUAL] * 5)) == ()
    assert cues_of(None, usual_of_speaker([USUAL] * 5)) == ()


def test_a_stranger_is_compared_in_tempo_and_range_alone() -> None:
    usual = usual_of_training({"rate_syl_per_s": 5.0, "f0_range_st": 8.0, "f0_median_hz": 100.0})
    assert usual_of_speaker([USUAL] * 3) is None
    cues = cues_of(
        replace(USUAL, f0_median_hz=400.0, rate_syl_per_s=4.0, loudness_dbfs=-5.0), usual
    )
    assert [cue.name for cue in cues] == ["rate"]
    sentence = reason_sentence({"sad": 0.9}, "sad", cues, baseline="training")
    assert sentence.en == "sad 90 %: 20 % slower than the median of the training speakers"


def test_unsure_names_the_two_likeliest() -> None:
    sentence = reason_sentence(
        {"angry": 0.35, "sad": 0.34, "happy": 0.31}, "unsure", (), baseline="speaker"
    )
    assert sentence.en.startswith("unsure (angry 35 %, sad 34 %): ")
    assert sentence.zh.startswith("不确定（愤怒 35 %，难过 34 %）：")


_NUMBER = st.one_of(st.none(), st.floats(1e-3, 1e4))


@given(st.builds(Prosody, st.floats(0.2, 9), st.floats(0, 9), *[_NUMBER] * 4))
def test_words_and_numbers_agree(prosody: Prosody) -> None:
    usual = usual_of_speaker([USUAL] * 5)
    cues = cues_of(prosody, usual)
    english = reason_sentence({"sad": 1.0}, "sad", cues, baseline="speaker").en
    words = {
        "rate": ("faster", "slower"),
        "pitch": ("higher", "lower"),
        "loudness": ("louder", "softer"),
    }
    for cue in cues:
        if cue.name in words:
            more, less = words[cue.name]
            assert (more if cue.difference > 0 else less) in english
    said = set(re.findall("faster|slower|higher|lower|louder|softer|livelier|flatter", english))
    assert len(said) == len(cues) <= 3


# --- verifying -------------------------------------------------------------------------------------


def test_a_round_trip_is_judged_segment_by_segment(
    analyser: Analyser, recording: Recording
) -> None:
    document = tag(_transcript(), recording, analyser).transcript
    tagged = list(document.segments)
    tagged[1] = replace(tagged[1], corrected_label="furious")  # the judge does not know it
    tagged[2] = replace(tagged[2], corrected_label="unsure")
    document = replace(document, segments=tuple(tagged))
    whole = recording.read()
    spoken = [
        SynthesisedSegment(i, s.segment.start_s, recording.read(s.segment.start_s, s.segment.end_s))
        for i, s in enumerate(document.segments[:-1])
    ]
    missing = SynthesisedSegment(5, 10.0, None, Sentence("no words", "无文字"))
    synthesis = Synthesis((*spoken, missing), whole, "embedded", Sentence("eSpeak", "eSpeak"), "li")
    found = verify(document, [None] * 6, synthesis, analyser, bank_synthetic=True)
    report = found.report
    assert [segment.survived for segment in report.segments][1:3] == [None, None]
    assert "does not know 'furious'" in report.segments[1].note.en
    assert "nothing to compare" in report.segments[2].note.en
    assert report.segments[5].note.en == "no words"
    assert report.judge_is_tagger
    for index in (0, 3, 4):
        heard, verdict = report.segments[index].heard, report.segments[index].survived
        wanted = document.segments[index].label
        assert verdict is (None if wanted == "unsure" else heard.label == wanted)
    assert report.compared == sum(s.survived is not None for s in report.segments)


@pytest.mark.parametrize(("threshold", "outside"), [(0.0, True), (1.0, False)])
def test_what_is_like_no_voice_is_said_to_be_that(
    analyser: Analyser, recording: Recording, threshold: float, outside: bool
) -> None:
    document = tag(_transcript(1), recording, analyser).transcript
    asked = replace(document.segments[0], corrected_label=FAKE_LABELS[0])
    document = replace(document, segments=(asked,))
    card = replace(
        analyser.head.card,
        farthest=1e-6,
        threshold=dict.fromkeys(analyser.head.card.threshold, threshold),
    )
    verifier = replace(analyser, head=replace(analyser.head, card=card))
    spoken = (SynthesisedSegment(0, 0.0, recording.read(0.0, 2.0)),)
    synthesis = Synthesis(spoken, recording.read(), "embedded", Sentence("eSpeak", "eSpeak"), "li")
    note = (
        verify(document, [None], synthesis, verifier, bank_synthetic=True).report.segments[0].note
    )
    assert note.en.startswith("lost: ")
    assert ("heard again as unsure: unlike any voice" in note.en) is outside
    assert ("都不像" in note.zh) is outside
    assert ("most likely" in note.en) is not outside


def test_nothing_spoken_is_reported_as_such(analyser: Analyser, recording: Recording) -> None:
    document = tag(_transcript(1), recording, analyser).transcript
    nothing = SynthesisedSegment(0, 0.0, None, Sentence("host failed", "失败"))
    silence = Audio(np.zeros(16_000, np.float32), 16_000)
    synthesis = Synthesis((nothing,), silence, "embedded", Sentence("eSpeak", "eSpeak"), "li")
    found = verify(document, [None], synthesis, analyser, bank_synthetic=False)
    assert found.outputs is None
    assert (found.report.compared, found.report.segments[0].note.en) == (0, "host failed")


def test_scores_name_their_best() -> None:
    scores = EmotionScores({"a": 0.2, "b": 0.8}, "unsure", (), Sentence("", ""))
    assert (scores.best_label, scores.confidence) == ("b", 0.8)
