"""Fitting a head to one speaker: what is learned, from what, and what it is worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gpt_sovits_emotion.core.errors import CorpusError, HeadError
from gpt_sovits_emotion.heads import load_head
from gpt_sovits_emotion.heads.profiles import (
    add,
    add_unlabelled,
    begin_profile,
    for_speaker,
    head_digest,
)
from gpt_sovits_emotion.training.adapt import AdaptRecipe, adapt, choose_replay, learn, speaker_mean
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings
from gpt_sovits_emotion.training.few_shot import evaluate_adaptation, fold_heads, score_adaptation
from gpt_sovits_emotion.training.recipes import Recipe

QUICK = Recipe(n_members=1, n_epochs=15, hidden=16, input_dropout=0.0, batch_size=32)
CLASSES = ("angry", "happy", "sad")


def corpus(n_speakers=6, per_class=12, dim=24, seed=0, odd=1.2):
    """Speakers with a mean of their own who, besides, say each emotion in a way of their own."""
    rng = np.random.default_rng(seed)
    usual = 1.5 * rng.normal(size=(len(CLASSES), dim))
    parts, labels, speakers = [], [], []
    for speaker in range(n_speakers):
        mean = 3.0 * rng.normal(size=dim)
        own = usual + odd * rng.normal(size=usual.shape)
        for place, label in enumerate(CLASSES):
            parts.append(mean + own[place] + 2.5 * rng.normal(size=(per_class, dim)))
            labels += [label] * per_class
            speakers += [f"s{speaker}"] * per_class
    texts = np.array([""] * len(labels))
    rows = np.concatenate(parts).astype(np.float32)
    return LabelledEmbeddings(rows, np.array(labels), np.array(speakers), texts)


@pytest.fixture(scope="module")
def folds():
    return fold_heads(corpus(), recipe=QUICK)


# --- what is learned -------------------------------------------------------------------------------


def test_more_that_is_known_of_a_speaker_is_heard_better(folds):
    nothing = score_adaptation(folds, "none", 0, n_draws=1)
    ten = score_adaptation(folds, "unlabelled", 10, n_draws=3)
    two = score_adaptation(folds, "labelled", 2, n_draws=3)
    five = score_adaptation(folds, "labelled", 5, n_draws=3)
    assert ten.uar > nothing.uar + 0.05
    assert five.uar >= two.uar
    assert five.uar > five.mean_only_uar + 0.03
    assert five.mean_clips == 15
    assert five.uar_interval[0] <= five.uar <= five.uar_interval[1]


def test_fine_tuning_without_replay_rows_helps_too(folds):
    five = score_adaptation(folds, "labelled", 5, n_draws=3, with_replay=False)
    assert five.uar > five.mean_only_uar


def test_the_mean_is_the_likeliest_one():
    """Against the conditional mean of the joint normal distribution, one feature, by its formula."""
    fold = fold_heads(corpus(n_speakers=3), recipe=QUICK)[0]
    rows = fold.own.embeddings[:7]
    profile = add_unlabelled(begin_profile(fold.head, "x"), rows)
    within = fold.head.within_speaker_std.astype(float) ** 2
    between = np.maximum(fold.head.std.astype(float) ** 2 - within, 1e-3 * within)
    shrink = between / (between + within / 7)
    wanted = fold.head.mean + shrink * (rows.mean(0) - fold.head.mean)
    np.testing.assert_allclose(speaker_mean(fold.head, profile, None), wanted, rtol=1e-4, atol=1e-4)


def test_labels_take_the_emotions_out_of_the_mean(folds):
    """From angry clips alone, the mean with labels is nearer to that of all clips than without."""
    nearer = 0
    for fold in folds:
        angry = fold.own.embeddings[fold.own.labels == "angry"]
        true = fold.own.embeddings.mean(0)
        empty = begin_profile(fold.head, "x")
        plain = speaker_mean(fold.head, add_unlabelled(empty, angry), fold.replay)
        labelled = add(empty, angry, ["angry"] * len(angry), "x")
        told = speaker_mean(fold.head, labelled, fold.replay)
        nearer += np.linalg.norm(told - true) < np.linalg.norm(plain - true)
    assert nearer >= len(folds) - 1


def test_the_same_clips_give_the_same_profile(folds):
    fold = folds[0]
    one, other = (
        adapt(fold.head, speaker="x", labelled=fold.own, replay=fold.replay) for _ in "ab"
    )
    for a, b in zip(one.members, other.members, strict=True):
        np.testing.assert_array_equal(a.w1, b.w1)
    np.testing.assert_array_equal(one.mean, other.mean)


def test_the_head_is_left_as_it_was(folds):
    fold = folds[0]
    before = head_digest(fold.head)
    adapt(fold.head, speaker="x", labelled=fold.own, replay=fold.replay)
    assert head_digest(fold.head) == before


def test_the_descent_follows_the_gradient_that_torch_finds(folds):
    """One step without momentum, against torch's automatic differentiation of the same loss."""
    import torch

    fold = folds[0]
    labelled = fold.own.select(np.arange(len(fold.own.labels)) % 4 == 0)
    recipe = AdaptRecipe(n_steps=1, learning_rate=0.5, momentum=0.0, speaker_share=0.3)
    profile = adapt(fold.head, speaker="x", labelled=labelled, replay=fold.replay, recipe=recipe)
    own = (labelled.embeddings - profile.mean) / fold.head.within_speaker_std
    own = np.clip(own, -fold.head.card.clip_z, fold.head.card.clip_z)
    z = torch.tensor(np.concatenate([own, fold.replay.rows]), dtype=torch.float64)
    targets = np.concatenate([labelled.targets(CLASSES), fold.replay.targets])
    n_own = len(own)
    weights = np.concatenate(
        [
            share / (len(set(part.tolist())) * np.bincount(part)[part])
            for share, part in ((0.3, targets[:n_own]), (0.7, targets[n_own:]))
        ]
    )
    member = fold.head.members["speaker"][0]
    parts = [
        torch.tensor(part, dtype=torch.float64, requires_grad=True)
        for part in (member.w1, member.b1, member.w2, member.b2)
    ]
    logits = torch.relu(z @ parts[0].T + parts[1]) @ parts[2].T + parts[3]
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(targets), reduction="none")
    (loss * torch.tensor(weights)).sum().backward()
    rate = 0.5 * 1000 / float((z**2).sum(1).mean())
    tuned = profile.members[0]
    for part, found in zip(parts, (tuned.w1, tuned.b1, tuned.w2, tuned.b2), strict=True):
        wanted = (part - rate * part.grad).detach().numpy()
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


def test_the_linear_member_is_the_discriminant_that_numpy_inverts(folds):
    fold = folds[0]
    recipe = AdaptRecipe(n_steps=0, linear_weight=1.0)
    labelled = fold.own.select(np.arange(len(fold.own.labels)) % 4 == 0)
    profile = adapt(fold.head, speaker="x", labelled=labelled, replay=fold.replay, recipe=recipe)
    own = (labelled.embeddings - profile.mean) / fold.head.within_speaker_std
    own = np.clip(own, -fold.head.card.clip_z, fold.head.card.clip_z)
    kept, targets = fold.replay.rows.astype(float), fold.replay.targets
    usual = np.stack([kept[targets == c].mean(0) for c in range(3)])
    residuals = kept - usual[targets]
    covariance = residuals.T @ residuals / len(residuals)
    covariance += 0.3 * np.square(residuals).mean() * np.eye(kept.shape[1])
    truth = labelled.targets(CLASSES)
    means = np.stack(
        [(4 * usual[c] + own[truth == c].sum(0)) / (4 + sum(truth == c)) for c in range(3)]
    )
    w = np.linalg.solve(covariance, means.T).T
    wanted = own @ w.T - 0.5 * (w * means).sum(1)
    found = profile.members[-1].logits(own.astype(np.float32))
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-2)


def test_too_few_clips_are_refused(folds):
    fold = folds[0]
    with pytest.raises(HeadError, match="4 clips of x are too few") as caught:
        adapt(fold.head, speaker="x", unlabelled=fold.own.embeddings[:4])
    assert caught.value.zh


def test_unlabelled_clips_alone_give_the_mean_and_no_members(folds):
    fold = folds[0]
    profile = adapt(fold.head, speaker="x", unlabelled=fold.own.embeddings[:8])
    assert not profile.members
    fitted, statistics = for_speaker(fold.head, profile)
    assert fitted is fold.head
    assert statistics.n_segments == 8
    np.testing.assert_array_equal(statistics.mean, profile.mean)


def test_a_single_class_can_be_taught(folds):
    fold = folds[0]
    sad = fold.own.select(fold.own.labels == "sad")
    profile = adapt(fold.head, speaker="x", labelled=sad, replay=fold.replay)
    fitted, statistics = for_speaker(fold.head, profile)
    assert np.isfinite(fitted.probabilities(fold.own.embeddings, statistics)).all()


def test_what_is_taught_of_one_class_costs_the_others_little(folds):
    before, after = [], []
    for fold in folds:
        sad = np.flatnonzero(fold.own.labels == "sad")[:4]
        unlabelled = fold.own.embeddings[1::4]
        mask = np.isin(np.arange(len(fold.own.labels)), sad)
        rest = fold.own.select(fold.own.labels != "sad")
        for labelled, recalls in ((None, before), (fold.own.select(mask), after)):
            profile = adapt(
                fold.head,
                speaker="x",
                unlabelled=unlabelled,
                labelled=labelled,
                replay=fold.replay,
            )
            head, statistics = for_speaker(fold.head, profile)
            heard = head.probabilities(rest.embeddings, statistics).argmax(1)
            recalls.append((heard == rest.targets(CLASSES)).mean())
    assert np.mean(after) > np.mean(before) - 0.08


def test_learning_again_starts_from_the_head_and_not_from_what_was_learned(folds):
    fold = folds[0]
    profile = adapt(fold.head, speaker="x", labelled=fold.own, replay=fold.replay)
    again = learn(fold.head, profile, replay=fold.replay)
    np.testing.assert_array_equal(again.members[0].w1, profile.members[0].w1)


def test_replay_rows_are_those_of_every_class(folds):
    data = corpus()
    replay = folds[0].replay
    assert set(replay.targets.tolist()) == {0, 1, 2}
    assert np.abs(replay.rows).max() <= 6.0
    without = data.select(data.labels != "sad")
    from gpt_sovits_emotion.training.dataset import FeatureStatistics

    statistics = FeatureStatistics.measure(without.embeddings, without.speakers)
    with pytest.raises(CorpusError, match="no clip of sad"):
        choose_replay(without, statistics, CLASSES, clip_z=6.0, prior_segments=5.0)


def test_the_tested_clips_are_never_among_the_drawn_ones():
    from gpt_sovits_emotion.training.few_shot import _draws

    truth = np.array([0, 0, 0, 1, 1, 2])
    for chosen in _draws(truth, "labelled", 3, 5, 0):
        rest = np.setdiff1d(np.arange(6), chosen)
        assert sorted(np.bincount(truth[rest]).tolist()) == [1, 1, 1]
        assert len(chosen) == 3
    for chosen in _draws(truth, "unlabelled", 20, 2, 0):
        assert len(chosen) == len(set(chosen.tolist())) == 5


def test_evaluating_gives_a_row_for_everything_that_was_asked():
    scores = evaluate_adaptation(
        corpus(n_speakers=3), labelled=(1,), unlabelled=(5,), n_draws=2, recipe=QUICK
    )
    assert [(score.kind, score.count) for score in scores] == [
        ("none", 0),
        ("unlabelled", 5),
        ("labelled", 1),
        ("bank_unlabelled", 6),
        ("bank", 6),
    ]
    assert all(0 < score.uar <= 1 and 0 <= score.ece <= 1 for score in scores)


def test_a_voices_own_bank_is_measured_on_its_other_half(folds):
    plain, taught = (
        score_adaptation(folds, kind, 6, n_draws=2) for kind in ("bank_unlabelled", "bank")
    )
    assert plain.mean_clips == taught.mean_clips == 18
    assert taught.uar > plain.uar


def test_where_too_few_clips_were_drawn_the_head_is_tested_as_it_is(folds):
    nothing = score_adaptation(folds, "none", 0, n_draws=1)
    one = score_adaptation(folds, "labelled", 1, n_draws=1)
    assert one.mean_clips == 3
    assert abs(one.uar - nothing.uar) < 0.03  # other clips are tested


# --- at work ---------------------------------------------------------------------------------------


def test_engines_and_tag_use_what_was_learned(monkeypatch, tmp_path):
    from conftest import voiced

    from gpt_sovits_emotion.audio import recording_from_samples
    from gpt_sovits_emotion.core.records import Segment, Transcript
    from gpt_sovits_emotion.engines import open_engines
    from gpt_sovits_emotion.heads.profiles import save_profile
    from gpt_sovits_emotion.tagging import embed_segments, tag

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    samples = np.concatenate([voiced(1.0, f0_hz=f0) for f0 in (120, 150, 180, 210, 140, 170)])
    segments = tuple(Segment(float(i), i + 1.0, "") for i in range(6))
    engines = open_engines()
    with recording_from_samples(samples, 16_000, name="x.wav") as recording:
        rows = embed_segments(segments, recording, engines.analyser)
        assert rows.shape == (6, engines.tagger.card.encoder.dim)
        profile = add(begin_profile(engines.tagger, "安娜"), rows, ["sad", "angry"] * 3, "x.wav")
        save_profile(learn(engines.tagger, profile))
        with pytest.raises(HeadError, match="known: 安娜"):
            open_engines(speaker="berta")
        fitted = open_engines(speaker="安娜")
        assert fitted.verifier_head is not fitted.tagger
        transcript = Transcript(segments, "de", "none")
        tagged = tag(transcript, recording, fitted.analyser).transcript
    best = [each.scores.best_label for each in tagged.segments]
    assert best == ["sad", "angry"] * 3
    assert "speaker 安娜 from 6 clips" in tagged.normalisation_note.en
    assert "安娜" in tagged.normalisation_note.zh
    assert tagged.normalisation == "speaker"
    with pytest.raises(HeadError, match="has been replaced since"):
        fitted.for_speaker(profile)


def test_a_segment_that_cannot_be_judged_cannot_be_taught(tmp_path):
    from conftest import voiced

    from gpt_sovits_emotion.audio import recording_from_samples
    from gpt_sovits_emotion.core.errors import AudioError
    from gpt_sovits_emotion.core.records import Segment
    from gpt_sovits_emotion.engines import open_engines
    from gpt_sovits_emotion.tagging import embed_segments

    with (
        recording_from_samples(voiced(2.0), 16_000, name="x.wav") as recording,
        pytest.raises(AudioError, match="too short to judge") as caught,
    ):
        embed_segments([Segment(0.0, 0.1, "")], recording, open_engines().analyser)
    assert "太短" in caught.value.zh


def test_rounding_to_half_precision_changes_no_verdict(folds):
    fold = folds[0]
    profile = adapt(fold.head, speaker="x", labelled=fold.own, replay=fold.replay)
    halved = tuple(
        replace(
            member,
            **{
                name: getattr(member, name).astype(np.float16).astype(np.float32)
                for name in ("w1", "b1", "w2", "b2")
            },
        )
        for member in profile.members
    )
    one, statistics = for_speaker(fold.head, profile)
    other, _ = for_speaker(fold.head, replace(profile, members=halved))
    rows = fold.own.embeddings
    np.testing.assert_allclose(
        one.probabilities(rows, statistics), other.probabilities(rows, statistics), atol=5e-3
    )


def test_a_loaded_head_can_be_fitted(fake_head):
    head = load_head(fake_head)
    rows = np.random.default_rng(1).normal(size=(9, 20)).astype(np.float32)
    labelled = LabelledEmbeddings(
        rows, np.array(["sad", "angry", "neutral"] * 3), np.array(["x"] * 9), np.array([""] * 9)
    )
    profile = adapt(head, speaker="x", labelled=labelled)
    assert "without replay rows" in profile.recipe
    fitted, statistics = for_speaker(head, profile)
    heard = fitted.probabilities(rows, statistics).argmax(1)
    assert (heard == labelled.targets(head.card.labels)).mean() > 0.8
