"""Training and measuring on made-up embeddings, and the measures against values worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.heads.card import CorpusCredit, EncoderSpec, HeadCard
from gpt_sovits_emotion.heads.files import load_head, save_head
from gpt_sovits_emotion.heads.head import softmax
from gpt_sovits_emotion.training.calibration import fit_temperature, fit_threshold
from gpt_sovits_emotion.training.cross_validation import held_out_predictions
from gpt_sovits_emotion.training.dataset import (
    FeatureStatistics,
    LabelledEmbeddings,
    normalise,
    normalise_by_speaker,
)
from gpt_sovits_emotion.training.fit import fit_head
from gpt_sovits_emotion.training.folds import Fold, speaker_and_text_folds, speaker_folds
from gpt_sovits_emotion.training.held_out import calibrate, score, score_k_shot
from gpt_sovits_emotion.training.metrics import (
    bootstrap_over_speakers,
    confusion_matrix,
    expected_calibration_error,
    risk_coverage,
    unweighted_average_recall,
)
from gpt_sovits_emotion.training.recipes import Recipe

QUICK = Recipe(
    hidden=16, n_epochs=8, batch_size=24, learning_rate=3e-2, prior_segments=1.0, n_members=1
)


def toy_data(*, n_speakers=6, n_texts=4, dim=12, speaker_spread=3.0, seed=0):
    """Three emotions that shift a few features, on top of a large offset of each speaker."""
    rng = np.random.default_rng(seed)
    labels, speakers, texts, rows = [], [], [], []
    for who in range(n_speakers):
        offset = speaker_spread * rng.standard_normal(dim)
        for emotion, label in enumerate(("angry", "neutral", "sad")):
            for text in range(n_texts):
                row = offset + 0.7 * rng.standard_normal(dim)
                row[emotion * 2 : emotion * 2 + 2] += 2.5
                rows.append(row)
                labels.append(label)
                speakers.append(f"s{who}")
                texts.append(f"text {text}")
    embeddings = np.array(rows, np.float32)
    return LabelledEmbeddings(embeddings, np.array(labels), np.array(speakers), np.array(texts))


# --- measures --------------------------------------------------------------------------------------


def test_confusion_and_recall_by_hand():
    truth, heard = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 0, 2])
    confusion = confusion_matrix(truth, heard, 4)
    assert confusion.tolist() == [[2, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert unweighted_average_recall(truth, heard, 4) == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)


@pytest.mark.parametrize("n_labels", [2, 5, 11])
def test_counts_and_recall_are_those_of_scikit_learn(n_labels):
    import sklearn.metrics

    rng = np.random.default_rng(n_labels)
    for n_segments in (1, 7, 300):  # with few segments some classes do not occur
        truth, heard = (rng.integers(0, n_labels, n_segments) for _ in range(2))
        counts = sklearn.metrics.confusion_matrix(truth, heard, labels=np.arange(n_labels))
        assert np.array_equal(confusion_matrix(truth, heard, n_labels), counts)
        recall = sklearn.metrics.recall_score(
            truth, heard, labels=np.unique(truth), average="macro", zero_division=0
        )
        assert unweighted_average_recall(truth, heard, n_labels) == pytest.approx(recall, abs=1e-12)


def test_intervals_hold_the_figure_and_shrink_to_it_when_speakers_agree():
    speakers = np.repeat(["a", "b", "c", "d"], 10)
    truth = np.tile(np.repeat([0, 1], 5), 4)
    heard = np.tile([0, 0, 0, 0, 1, 1, 1, 1, 0, 0], 4)
    (low, high), (wa_low, wa_high) = bootstrap_over_speakers(truth, heard, speakers, 2)
    assert low == pytest.approx(0.7)
    assert high == pytest.approx(0.7)
    assert (wa_low, wa_high) == (pytest.approx(0.7), pytest.approx(0.7))
    heard[speakers == "a"] = 1 - truth[speakers == "a"]
    (low, high), _ = bootstrap_over_speakers(truth, heard, speakers, 2)
    assert low < (0.7 * 3 + 0.0) / 4 < high


def test_calibration_error_by_hand():
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.65, 0.35], [0.65, 0.35]])
    # 0.9 to 1.0: confident 0.95, right 0.5; 0.6 to 0.7: confident 0.65, right 1.0
    truth = np.array([0, 1, 0, 0])
    assert expected_calibration_error(probabilities, truth) == pytest.approx(
        0.5 * 0.45 + 0.5 * 0.35
    )


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_made_the_labels_is_found(true_temperature):
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 3, (20_000, 4))
    probabilities = softmax(logits, true_temperature)
    truth = (rng.random((len(logits), 1)) > probabilities.cumsum(1)).sum(1).clip(max=3)
    assert fit_temperature(logits, truth) == pytest.approx(true_temperature, rel=0.06)


def test_the_threshold_silences_what_is_mostly_wrong():
    confidence = np.repeat([0.9, 0.7, 0.45, 0.35], 100)
    right = np.concatenate([np.arange(100) < n for n in (95, 80, 30, 20)])
    probabilities = np.stack([confidence, 1 - confidence], 1)
    probabilities[:, 1] = np.minimum(probabilities[:, 1], confidence - 0.01)
    threshold = fit_threshold(probabilities, np.where(right, 0, 1))
    assert 0.45 < threshold <= 0.70


def test_coverage_falls_and_says_none_when_nothing_is_left():
    rows = risk_coverage(np.array([[0.6, 0.4], [0.2, 0.8]]), np.array([0, 0]), (0.0, 0.7, 0.9))
    assert [(row.coverage, row.accuracy) for row in rows] == [(1.0, 0.5), (0.5, 0.0), (0.0, None)]


@settings(max_examples=50)
@given(st.integers(1, 40), st.integers(2, 6), st.floats(0.05, 20), st.integers(0, 1000))
def test_softmax_rows_are_probabilities(n_rows, n_labels, temperature, seed):
    logits = np.random.default_rng(seed).normal(0, 100, (n_rows, n_labels))
    probabilities = softmax(logits, temperature)
    np.testing.assert_allclose(probabilities.sum(1), 1.0)
    assert (probabilities.argmax(1) == logits.argmax(1)).all()


# --- normalisation ---------------------------------------------------------------------------------


def test_statistics_separate_speakers_from_what_they_do():
    data = toy_data(speaker_spread=10.0)
    statistics = FeatureStatistics.measure(data.embeddings, data.speakers)
    np.testing.assert_allclose(statistics.mean, data.embeddings.mean(0), rtol=1e-4)
    assert (statistics.within_speaker_std < statistics.std).all()
    z = normalise(data.embeddings, statistics, clip_z=6.0)
    np.testing.assert_allclose(z.std(0), 1.0, rtol=1e-3)


def test_a_constant_feature_does_not_divide_by_zero():
    embeddings = np.ones((6, 2), np.float32)
    statistics = FeatureStatistics.measure(embeddings, np.array(list("aabbcc")))
    assert np.isfinite(normalise(embeddings * 5, statistics, clip_z=6.0)).all()


def test_the_speakers_mean_is_shrunk_by_the_number_of_clips():
    statistics = FeatureStatistics(*(np.full(1, v, np.float32) for v in (0.0, 2.0, 1.0)))
    clips = np.full((5, 1), 4.0, np.float32)
    # five clips at 4 and a prior worth five at 0: the mean lies at 2, so a clip is 2 above it
    z = normalise_by_speaker(clips, statistics, clip_z=6.0, prior_segments=5.0)
    assert z.ravel().tolist() == pytest.approx([2.0] * 5)
    known = normalise_by_speaker(clips[:1], statistics, clip_z=6.0, prior_segments=0.0, known=clips)
    assert known.item() == pytest.approx(0.0)
    assert normalise_by_speaker(clips * 9, statistics, clip_z=3.0, prior_segments=1e9).max() == 3.0


# --- fit and evaluate ------------------------------------------------------------------------------


def test_fit_learns_is_repeatable_and_obeys_its_seed():
    data = toy_data()
    one, same = fit_head(data, recipe=QUICK), fit_head(data, recipe=QUICK)
    other = fit_head(data, recipe=replace(QUICK, seed=7))
    for name, tensor in one.tensors().items():
        np.testing.assert_array_equal(tensor, same.tensors()[name])
    assert not np.array_equal(one.members["global"][0].w1, other.members["global"][0].w1)
    mine = data.speakers == "s0"
    heard = one.logits(data.embeddings[mine], mode="speaker").argmax(1)
    assert (heard == data.targets(one.classes)[mine]).mean() > 0.9


def test_fitting_leaves_the_random_state_of_others_alone():
    import torch

    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    fit_head(toy_data(), recipe=QUICK, modes=("global",))
    assert torch.equal(before, torch.random.get_rng_state())


def test_speaker_normalisation_is_worth_it_when_speakers_differ():
    data = toy_data(speaker_spread=4.0)
    held_out = held_out_predictions(data, speaker_folds(data), recipe=QUICK, k_shots=(3,))
    by_speaker, by_training = score(held_out, mode="speaker"), score(held_out, mode="global")
    assert by_speaker.uar > 0.9
    assert by_speaker.uar > by_training.uar + 0.1
    few_uar, few_wa = score_k_shot(held_out, count=3)
    assert by_training.uar - 0.1 < few_uar <= by_speaker.uar + 0.02
    assert few_wa == pytest.approx(few_uar, abs=0.05)
    low, high = by_speaker.uar_interval
    assert low <= by_speaker.uar <= high
    assert np.sum(by_speaker.confusion) == len(data.labels) == by_speaker.n_utterances
    assert by_speaker.n_speakers == 6


def test_labels_that_mean_nothing_are_heard_at_chance():
    """If a test speaker leaked into training, shuffled labels would be heard above chance."""
    data = toy_data(n_speakers=8, n_texts=8)
    rng = np.random.default_rng(3)
    nonsense = LabelledEmbeddings(
        data.embeddings, rng.permutation(data.labels), data.speakers, data.texts
    )
    held_out = held_out_predictions(nonsense, speaker_folds(nonsense), recipe=QUICK)
    for mode in ("global", "speaker"):
        assert score(held_out, mode=mode).uar == pytest.approx(1 / 3, abs=0.12)


def test_processes_give_what_one_process_gives():
    data = toy_data(n_speakers=3)
    folds = speaker_folds(data)
    alone = held_out_predictions(data, folds, recipe=QUICK)
    together = held_out_predictions(data, folds, recipe=QUICK, n_jobs=2)
    for mode in ("global", "speaker"):
        np.testing.assert_allclose(alone.logits[mode], together.logits[mode], atol=1e-5)


def test_copies_are_trained_on_and_never_tested_on():
    data = toy_data(n_speakers=3)
    poisoned = LabelledEmbeddings(
        data.embeddings,
        data.labels,
        data.speakers,
        data.texts,
        {"elsewhere": data.embeddings + 100.0},
    )
    statistics = fit_head(poisoned, recipe=QUICK).statistics
    np.testing.assert_array_equal(statistics.mean, fit_head(data, recipe=QUICK).statistics.mean)
    held_out = held_out_predictions(poisoned, speaker_folds(poisoned), recipe=QUICK)
    assert held_out.logits["global"].shape == (len(data.labels), 3)


def test_another_channel_can_be_tested_with_what_was_trained_on_this_one():
    data = toy_data(n_speakers=4)
    folds = speaker_folds(data)
    same = held_out_predictions(data, folds, recipe=QUICK, tested=data.embeddings.copy())
    usual = held_out_predictions(data, folds, recipe=QUICK)
    shifted = held_out_predictions(data, folds, recipe=QUICK, tested=data.embeddings + 0.5)
    np.testing.assert_array_equal(same.logits["global"], usual.logits["global"])
    assert not np.allclose(shifted.logits["global"], usual.logits["global"])
    # a shift of everything is in the speaker's own mean too, but for the share of the prior
    moved = np.abs(shifted.logits["speaker"] - usual.logits["speaker"]).mean()
    assert moved < 0.5 * np.abs(shifted.logits["global"] - usual.logits["global"]).mean()


def test_text_folds_hold_out_speaker_and_text_together():
    data = toy_data()
    folds = speaker_and_text_folds(data, n_groups=2)
    assert len(folds) == 12
    for fold in folds:
        assert not set(data.speakers[fold.train]) & set(data.speakers[fold.test])
        assert not set(data.texts[fold.train]) & set(data.texts[fold.test])
    assert (np.sum([fold.test for fold in folds], axis=0) == 1).all()


def test_folds_that_flatter_are_refused():
    data = toy_data(n_speakers=2)
    half = np.arange(len(data.labels)) % 2 == 0
    with pytest.raises(CorpusError, match="trains on a speaker it tests"):
        held_out_predictions(data, [Fold("a", half, ~half), Fold("b", ~half, half)], recipe=QUICK)
    with pytest.raises(CorpusError, match="exactly once"):
        held_out_predictions(data, speaker_folds(data)[:1], recipe=QUICK)


@pytest.mark.parametrize(
    ("kept", "message"),
    [("speaker", "needs two or more"), ("label", "a head needs two or more")],
)
def test_too_little_data_is_refused(kept, message):
    data = toy_data()
    if kept == "speaker":
        with pytest.raises(CorpusError, match=message):
            speaker_folds(data.select(data.speakers == "s0"))
    else:
        with pytest.raises(CorpusError, match=message):
            fit_head(data.select(data.labels == "sad"), recipe=QUICK)


def test_texts_must_be_known_to_be_held_out():
    data = toy_data()
    silent = LabelledEmbeddings(
        data.embeddings, data.labels, data.speakers, np.full(len(data.labels), "")
    )
    with pytest.raises(CorpusError, match="column 'text'"):
        speaker_and_text_folds(silent)


def test_unequal_lengths_are_refused():
    data = toy_data()
    with pytest.raises(CorpusError, match="one of each per embedding"):
        LabelledEmbeddings(data.embeddings, data.labels[:-1], data.speakers, data.texts)
    with pytest.raises(CorpusError, match="row by row"):
        LabelledEmbeddings(
            data.embeddings, data.labels, data.speakers, data.texts, {"x": data.embeddings[1:]}
        )


def test_a_saved_head_says_what_the_fitted_one_said(tmp_path):
    """The torch-trained members, the file and the numpy head are one function."""
    data = toy_data()
    fitted = fit_head(data, recipe=replace(QUICK, n_members=2))
    held_out = held_out_predictions(data, speaker_folds(data), recipe=QUICK)
    calibration = {mode: calibrate(held_out, mode=mode) for mode in ("global", "speaker")}
    card = HeadCard(
        id="toy",
        title=Sentence("Toy", "玩具"),
        labels=fitted.classes,
        encoder=EncoderSpec("toy", 12, "toy-1", 16_000, "none"),
        licence="MIT",
        clip_z=QUICK.clip_z,
        min_duration_s=0.5,
        min_speaker_segments=5,
        prior_segments=QUICK.prior_segments,
        temperature={mode: pair[0] for mode, pair in calibration.items()},
        threshold={mode: pair[1] for mode, pair in calibration.items()},
        baseline={},
        corpora=(CorpusCredit("toy", "", len(data.labels), 6, "MIT", "made up"),),
        recipe=QUICK.to_dict(),
        results=(
            score(held_out, mode="speaker").to_result(
                protocol="loso", corpus="toy", normalisation="speaker"
            ),
        ),
    )
    save_head(tmp_path / "toy", card, fitted.tensors())
    head = load_head(tmp_path / "toy")
    mine = data.embeddings[data.speakers == "s1"]
    speaker = head.statistics(mine, source="test")
    for mode, statistics in (("global", None), ("speaker", speaker)):
        expected = softmax(fitted.logits(mine, mode=mode), calibration[mode][0])
        np.testing.assert_allclose(head.probabilities(mine, statistics), expected, atol=1e-5)
