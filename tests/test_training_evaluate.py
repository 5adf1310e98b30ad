"""Folds, held-out predictions, scores and baselines, on made-up embeddings."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
from conftest import voiced
from hypothesis import given
from hypothesis import strategies as st

from gpt_sovits_emotion.core.errors import CorpusError, EncoderError, MissingExtraError
from gpt_sovits_emotion.core.records import Audio
from gpt_sovits_emotion.heads import load_head
from gpt_sovits_emotion.heads.head import softmax
from gpt_sovits_emotion.testing import make_fake_head
from gpt_sovits_emotion.training.baselines import LinearSvm, OpensmileEncoder
from gpt_sovits_emotion.training.cross_validation import held_out_predictions, predictions_as_is
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings
from gpt_sovits_emotion.training.folds import (
    Fold,
    check_folds,
    corpus_fold,
    speaker_folds,
    split_fold,
)
from gpt_sovits_emotion.training.held_out import HeldOut, compare, score, score_k_shot
from gpt_sovits_emotion.training.metrics import (
    area_under_risk_coverage,
    expected_calibration_error,
    paired_bootstrap_over_speakers,
    recalls,
    reliability,
    risk_coverage_curve,
)
from gpt_sovits_emotion.training.recipes import Recipe

QUICK = Recipe(
    hidden=16, n_epochs=8, batch_size=24, learning_rate=3e-2, prior_segments=1.0, n_members=1
)
LABELS = ("angry", "neutral", "sad")


def toy_data(*, n_speakers=4, n_clips=4, dim=10, spread=2.0, seed=0, labels=LABELS):
    """Emotions that shift a few features, on top of a large offset of each speaker."""
    rng = np.random.default_rng(seed)
    rows, emotions, speakers, texts = [], [], [], []
    for who in range(n_speakers):
        offset = spread * rng.standard_normal(dim)
        for place, label in enumerate(labels):
            for clip in range(n_clips):
                row = offset + 0.7 * rng.standard_normal(dim)
                row[place * 2 : place * 2 + 2] += 2.5
                rows.append(row)
                emotions.append(label)
                speakers.append(f"s{who}")
                texts.append(f"text {clip}")
    return LabelledEmbeddings(
        np.array(rows, np.float32), np.array(emotions), np.array(speakers), np.array(texts)
    )


# --- measures --------------------------------------------------------------------------------------


def test_recalls_leave_out_classes_that_do_not_occur():
    found = recalls(np.array([[3, 1, 0], [0, 0, 0], [1, 0, 1]]))
    assert found[[0, 2]].tolist() == [0.75, 0.5]
    assert np.isnan(found[1])


def test_reliability_by_hand():
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.65, 0.35], [0.65, 0.35]])
    low, high = reliability(probabilities, np.array([0, 1, 0, 0]))
    assert (low.low, low.high, low.n_segments, low.accuracy) == (0.6, 0.7, 2, 1.0)
    assert (high.n_segments, high.confidence, high.accuracy) == (2, pytest.approx(0.95), 0.5)


@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(1, 200))
def test_reliability_holds_every_verdict_once(seed, n_labels, n_segments):
    rng = np.random.default_rng(seed)
    probabilities = softmax(rng.normal(0, 2, (n_segments, n_labels)))
    truth = rng.integers(0, n_labels, n_segments)
    bins = reliability(probabilities, truth)
    assert sum(one.n_segments for one in bins) == n_segments
    assert all(one.low <= one.confidence <= one.high + 1e-9 for one in bins)
    assert 0.0 <= expected_calibration_error(probabilities, truth) <= 1.0


@given(st.integers(0, 10_000), st.integers(1, 300))
def test_the_curve_ends_with_everything_judged(seed, n_segments):
    rng = np.random.default_rng(seed)
    probabilities = softmax(rng.normal(0, 2, (n_segments, 4)).round(1))  # rounded: with ties
    truth = rng.integers(0, 4, n_segments)
    curve = risk_coverage_curve(probabilities, truth)
    shares = [one.coverage for one in curve]
    assert shares == sorted(set(shares))
    assert curve[-1].coverage == 1.0
    assert curve[-1].accuracy == pytest.approx((probabilities.argmax(1) == truth).mean())
    for one in curve:
        given_ones = probabilities.max(1) >= one.threshold
        assert given_ones.mean() == pytest.approx(one.coverage)
        right = (probabilities.argmax(1) == truth)[given_ones].mean()
        assert one.accuracy == pytest.approx(right)


def test_area_under_the_curve_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4]])
    # right, wrong, right: risks 0, 1/2, 1/3
    expected = (0 + 1 / 2 + 1 / 3) / 3
    assert area_under_risk_coverage(probabilities, np.array([0, 1, 0])) == pytest.approx(expected)


def test_a_pair_is_told_apart_where_two_intervals_overlap():
    """Speakers differ far more than the two do, which hear each speaker with one more clip right."""
    rng = np.random.default_rng(0)
    speakers = np.repeat([f"s{i}" for i in range(8)], 40)
    truth = np.tile(np.repeat([0, 1], 20), 8)
    worse = truth.copy()
    for number in range(8):
        own = np.flatnonzero(speakers == f"s{number}")
        wrong = np.concatenate([own[: 2 + 2 * number], own[20 : 22 + 2 * number]])
        worse[wrong] = 1 - truth[wrong]
    better = worse.copy()
    for number in range(8):
        mended = np.flatnonzero(speakers == f"s{number}")[0]
        better[mended] = truth[mended]
    found = paired_bootstrap_over_speakers(truth, better, worse, speakers, 2)
    assert found.wa == pytest.approx(8 / 320)
    assert found.uar == pytest.approx(0.5 * 8 / 160)
    assert found.uar_interval[0] == pytest.approx(found.uar_interval[1])
    assert found.is_certain
    assert found.uar_share_better == 1.0
    few = np.isin(speakers, [f"s{number}" for number in range(5)])
    of_few = paired_bootstrap_over_speakers(truth[few], better[few], worse[few], speakers[few], 2)
    assert of_few.uar_interval[0] > 0
    assert not of_few.is_certain  # all five may be better by chance
    assert (found.n_speakers, of_few.n_speakers) == (8, 5)
    same = paired_bootstrap_over_speakers(truth, worse, worse, speakers, 2)
    assert (same.uar, same.uar_share_better, same.is_certain) == (0.0, 0.5, False)
    shuffled = rng.permutation(truth)
    assert paired_bootstrap_over_speakers(truth, shuffled, worse, speakers, 2).uar < 0


# --- folds -----------------------------------------------------------------------------------------


def test_speakers_are_left_out_in_groups_when_there_are_many():
    data = toy_data(n_speakers=7)
    folds = speaker_folds(data, at_most=3)
    assert [len(set(data.speakers[fold.test])) for fold in folds] == [3, 2, 2]
    check_folds(data, folds, whole=True)
    assert len(speaker_folds(data, at_most=50)) == 7


def test_a_split_tests_whom_it_is_told_to():
    data = toy_data(n_speakers=5)
    fold = split_fold(data, test_speakers=("s1", "s4"))
    assert set(data.speakers[fold.test]) == {"s1", "s4"}
    assert set(data.speakers[fold.train]) == {"s0", "s2", "s3"}
    assert set(data.speakers[split_fold(data).test]) == {"s3"}
    two = data.select(np.isin(data.speakers, ["s0", "s1"]))
    assert set(two.speakers[split_fold(two).test]) == {"s1"}


@pytest.mark.parametrize(
    ("speakers", "message"),
    [(("nobody",), "no speaker 'nobody'"), (("s0", "s1"), "nobody is left to train on")],
)
def test_a_split_that_cannot_be_is_refused(speakers, message):
    with pytest.raises(CorpusError, match=message):
        split_fold(toy_data(n_speakers=2), test_speakers=speakers)


def test_an_empty_side_is_refused():
    data = toy_data(n_speakers=2)
    fold = corpus_fold(data, np.full(len(data.labels), "a"), train=("b",), test="a")
    with pytest.raises(CorpusError, match="has 0 clips to train on"):
        check_folds(data, [fold], whole=False)


# --- predictions -----------------------------------------------------------------------------------


def test_only_what_is_tested_comes_back():
    data = toy_data(n_speakers=4)
    fold = split_fold(data, test_speakers=("s2",))
    held_out = held_out_predictions(data, [fold], recipe=QUICK, k_shots=(3,), whole=False)
    assert set(held_out.speakers) == {"s2"}
    assert held_out.logits["global"].shape == (12, 3)
    assert held_out.few[3].shape[1:] == (12, 3)
    assert score(held_out, mode="speaker").n_speakers == 1
    with pytest.raises(CorpusError, match="exactly once"):
        held_out_predictions(data, [fold], recipe=QUICK)


class Stop(Exception):
    pass


def test_what_was_stopped_goes_on_where_it_was():
    data = toy_data(n_speakers=4)
    folds, kept, seen = speaker_folds(data), {}, []

    def stop_after_two(fraction, doing):
        seen.append(fraction)
        if len(seen) == 2:
            raise Stop

    with pytest.raises(Stop):
        held_out_predictions(data, folds, recipe=QUICK, kept=kept, progress=stop_after_two)
    assert list(kept) == ["s0", "s1"]
    resumed = held_out_predictions(
        data, folds, recipe=QUICK, kept=kept, progress=lambda fraction, doing: seen.append(fraction)
    )
    assert seen == [0.25, 0.5, 0.75, 1.0]
    whole = held_out_predictions(data, folds, recipe=QUICK)
    np.testing.assert_array_equal(resumed.logits["speaker"], whole.logits["speaker"])


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_what_is_cancelled_gives_what_there_is(n_jobs):
    data = toy_data(n_speakers=4)
    done = []
    held_out = held_out_predictions(
        data,
        speaker_folds(data),
        fit=LinearSvm((1.0,)),
        n_jobs=n_jobs,
        cancelled=lambda: len(done) >= 1,
        progress=lambda fraction, doing: done.append(doing),
    )
    assert not held_out.is_complete
    assert len(set(held_out.speakers)) == len(done) == 1
    with pytest.raises(CorpusError, match="before the first speaker"):
        held_out_predictions(
            data, speaker_folds(data)[:2], recipe=QUICK, whole=False, cancelled=lambda: True
        )


class Dying:
    """A fitter in whose process something kills it, as the system does when memory is short."""

    def __call__(self, data, *, classes, modes):
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_dies_is_one_sentence():
    data = toy_data(n_speakers=3)
    with pytest.raises(CorpusError, match="processes died"):
        held_out_predictions(data, speaker_folds(data), fit=Dying(), n_jobs=2)


def test_scores_of_a_part_are_those_of_that_part():
    data = toy_data(n_speakers=4)
    held_out = held_out_predictions(data, speaker_folds(data), recipe=QUICK, k_shots=(2,))
    mask = np.isin(held_out.speakers, ["s1", "s3"])
    part = held_out.select(mask)
    assert np.sum(score(part, mode="global").confusion) == mask.sum()
    uar, wa = score_k_shot(part, count=2)
    assert 0 <= uar <= 1
    assert 0 <= wa <= 1


def test_a_temperature_that_is_given_is_used():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 200)
    logits = np.eye(3)[truth] * 2 + rng.normal(0, 1, (200, 3))
    speakers = np.repeat(["a", "b"], 100)
    held_out = HeldOut(LABELS, truth, speakers, {"global": logits})
    sharp = score(held_out, mode="global", temperature=0.01)
    assert sharp.reliability[-1].n_segments > 190
    assert score(held_out, mode="global").ece < sharp.ece
    assert sharp.uar == score(held_out, mode="global").uar


def test_comparing_needs_the_same_clips():
    data = toy_data(n_speakers=3)
    one = held_out_predictions(data, speaker_folds(data), recipe=QUICK)
    other = held_out_predictions(data, speaker_folds(data), recipe=replace(QUICK, seed=3))
    assert abs(compare(one, other, mode="speaker").uar) < 0.2
    with pytest.raises(CorpusError, match="same clips"):
        compare(one, other.select(other.speakers != "s0"), mode="speaker")


# --- finished heads --------------------------------------------------------------------------------


def test_a_finished_head_is_asked_as_it_is(tmp_path):
    head = load_head(make_fake_head(tmp_path / "fake-head"))
    dim, labels = head.card.encoder.dim, head.card.labels
    data = toy_data(dim=dim, labels=(*labels[:3], "smug"), n_clips=3)
    held_out = predictions_as_is(head, data, k_shots=(5,))
    assert held_out.classes == labels[:3]
    assert "smug" not in set(data.labels[np.isin(data.labels, held_out.classes)])
    own = data.speakers == "s1"
    expected = head.probabilities(
        data.embeddings[own], head.statistics(data.embeddings[own], source="test")
    )
    columns = expected[np.isin(data.labels[own], labels[:3])][:, :3]
    mine = held_out.speakers == "s1"
    found = softmax(held_out.logits["speaker"][mine])
    np.testing.assert_allclose(found, columns / columns.sum(1, keepdims=True), atol=1e-6)
    assert held_out.few[5].shape == (8, len(held_out.truth), 3)


def test_a_finished_head_and_a_corpus_must_share_classes(tmp_path):
    head = load_head(make_fake_head(tmp_path / "fake-head"))
    data = toy_data(dim=head.card.encoder.dim, labels=("smug", "coy", head.card.labels[0]))
    with pytest.raises(CorpusError, match="fewer than two classes are shared"):
        predictions_as_is(head, data)


# --- baselines -------------------------------------------------------------------------------------


def test_the_linear_machine_learns_and_chooses_on_training_speakers_alone():
    data = toy_data(n_speakers=5)
    held_out = held_out_predictions(data, speaker_folds(data), fit=LinearSvm())
    assert score(held_out, mode="speaker").uar > 0.85
    fitted = LinearSvm()(data, classes=LABELS, modes=("global",))
    assert fitted.complexities["global"] in LinearSvm().complexities
    nonsense = replace(data, labels=np.random.default_rng(1).permutation(data.labels))
    chance = held_out_predictions(nonsense, speaker_folds(nonsense), fit=LinearSvm())
    assert score(chance, mode="speaker").uar == pytest.approx(1 / 3, abs=0.2)


def test_the_machine_knows_two_classes_and_one_it_has_not_met():
    data = toy_data(n_speakers=3, labels=("angry", "sad"))
    fitted = LinearSvm((1.0,))(data, classes=("angry", "happy", "sad"), modes=("global", "speaker"))
    own = data.embeddings[data.speakers == "s0"]
    for mode in ("global", "speaker"):
        logits = fitted.logits(own, mode=mode)
        assert set(logits.argmax(1)) == {0, 2}
        assert (logits[:, 1] < -100).all()


def test_opensmile_is_an_encoder():
    pytest.importorskip("opensmile", reason="opensmile comes with the extra 'benchmark'")
    encoder = OpensmileEncoder()
    audios = [Audio(voiced(1.0, f0_hz=f0_hz), 16_000) for f0_hz in (120.0, 240.0)]
    found = encoder.encode([*audios, Audio(np.zeros(8000, np.float32), 16_000)])
    assert found.shape == (3, encoder.dim)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert not np.array_equal(found[0], found[1])
    assert encoder.fingerprint.startswith("opensmile-")
    with pytest.raises(EncoderError, match="8000 Hz"):
        encoder.encode([Audio(np.zeros(8000, np.float32), 8000)])


def test_without_opensmile_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "opensmile", None)
    with pytest.raises(MissingExtraError, match=r"gpt-sovits-emotion\[benchmark\]"):
        OpensmileEncoder()


def test_folds_that_flatter_are_refused_wherever_they_come_from():
    data = toy_data(n_speakers=2)
    half = np.arange(len(data.labels)) % 2 == 0
    with pytest.raises(CorpusError, match="trains on a speaker it tests"):
        held_out_predictions(data, [Fold("a", half, ~half)], recipe=QUICK, whole=False)
