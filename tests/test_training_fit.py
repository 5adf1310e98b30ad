"""Fitting a head: watched, stopped, held out, with layers weighed and speakers shrunk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt_sovits_emotion.core.errors import CorpusError, EncoderError
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
from gpt_sovits_emotion.heads.card import MODES
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings, join
from gpt_sovits_emotion.training.fit import FitProgress, fit_head
from gpt_sovits_emotion.training.linear_maps import (
    LayerSum,
    Part,
    SpeakerShrinkage,
    fold,
    place_layers,
    weigh,
)
from gpt_sovits_emotion.training.recipes import Recipe, recipe_for

QUICK = Recipe(
    speaker_shrinkage=0.1,
    hidden=16,
    n_epochs=6,
    batch_size=24,
    learning_rate=3e-2,
    prior_segments=1.0,
    n_members=2,
    input_dropout=0.2,
)
LABELS = ("angry", "neutral", "sad")


def toy_data(*, n_speakers=6, n_each=4, dim=12, spread=3.0, seed=0, corpus="toy", skipped=()):
    """Three emotions that shift a few features, on top of a large offset of each speaker."""
    rng = np.random.default_rng(seed)
    rows, labels, speakers = [], [], []
    for who in range(n_speakers):
        offset = spread * rng.standard_normal(dim)
        for emotion, label in enumerate(LABELS):
            for _ in range(n_each):
                row = offset + 0.7 * rng.standard_normal(dim)
                row[emotion * 2 : emotion * 2 + 2] += 2.5
                rows.append(row)
                labels.append(label)
                speakers.append(f"{corpus}/s{who}")
    return LabelledEmbeddings(
        np.array(rows, np.float32),
        np.array(labels),
        np.array(speakers),
        np.full(len(rows), ""),
        corpora=np.array(corpus),
        skipped=skipped,
    )


def same(one, other):
    tensors = other.tensors()
    assert one.tensors().keys() == tensors.keys()
    return all(np.array_equal(tensor, tensors[name]) for name, tensor in one.tensors().items())


def heard(head, data, mode):
    """Accuracy, speaker by speaker."""
    truth, right = data.targets(head.classes), []
    for who in np.unique(data.speakers):
        own = data.speakers == who
        right += (head.logits(data.embeddings[own], mode=mode).argmax(1) == truth[own]).tolist()
    return np.mean(right)


# --- data ------------------------------------------------------------------------------------------


def test_corpora_are_joined_with_what_was_skipped():
    lost = Sentence("one clip is damaged", "一个片段已损坏")
    one = toy_data(n_speakers=2, corpus="one", skipped=(lost,))
    other = toy_data(n_speakers=1, corpus="other")
    one = replace(one, copies={"fast": one.embeddings + 1, "noise": one.embeddings})
    other = replace(other, copies={"fast": other.embeddings + 1})
    both = join([one, other])
    assert len(both.labels) == 36
    assert both.corpora.tolist() == ["one"] * 24 + ["other"] * 12
    assert both.skipped == (lost,)
    assert list(both.copies) == ["fast"]
    np.testing.assert_array_equal(both.copies["fast"], both.embeddings + 1)
    kept = both.select(both.corpora == "other")
    assert set(kept.speakers) == {"other/s0"}
    assert kept.corpora.tolist() == ["other"] * 12
    assert kept.skipped == (lost,)


def test_single_passes_are_trained_on_and_go_along():
    one = toy_data(n_speakers=2, corpus="one")
    one = replace(one, once=one.embeddings + 1, copies={"fast": one.embeddings + 2})
    other = toy_data(n_speakers=1, corpus="other")
    both = join([one, replace(other, copies={"fast": other.embeddings + 2})])
    np.testing.assert_array_equal(both.once, np.concatenate([one.once, other.embeddings]))
    kept = both.select(both.corpora == "one")
    np.testing.assert_array_equal(kept.versions[0], one.once)
    with pytest.raises(CorpusError, match="'one pass' has shape"):
        replace(one, once=one.embeddings[:, :3])
    trained = fit_head(one, recipe=QUICK)
    as_if = fit_head(replace(one, embeddings=one.once, once=None), recipe=QUICK)
    assert same(trained, as_if)


def test_a_small_corpus_is_learned_in_small_steps_with_the_usual_recipe():
    data = toy_data(spread=2.0)  # 72 clips: one batch of the usual size would be 20 steps in all
    assert heard(fit_head(data, recipe=Recipe()), data, "global") > 0.9


def test_what_cannot_be_joined_is_named():
    with pytest.raises(CorpusError, match="12, 9 values cannot be joined"):
        join([toy_data(), toy_data(dim=9)])
    with pytest.raises(CorpusError, match="nothing to join"):
        join([])
    data = toy_data()
    with pytest.raises(CorpusError, match="3 names of corpora"):
        replace(data, corpora=np.array(["a", "b", "c"]))
    plain = LabelledEmbeddings(data.embeddings, data.labels, data.speakers, data.texts)
    assert plain.corpora.tolist() == [""] * len(data.labels)
    assert plain.skipped == ()


# --- watching and stopping -------------------------------------------------------------------------


def test_every_epoch_is_told_in_order():
    told: list[FitProgress] = []
    head = fit_head(toy_data(), recipe=QUICK, watch=told.append)
    expected = [(mode, 1, 2, 2, epoch, 6) for mode in MODES for epoch in range(1, 7)]
    found = [(m.mode, m.first, m.last, m.n_members, m.epoch, m.n_epochs) for m in told]
    assert found == expected
    assert all(moment.held_out_uar is None for moment in told)
    assert told[-1].loss < told[6].loss
    assert not head.stopped
    assert same(head, fit_head(toy_data(), recipe=QUICK))  # watching changes nothing


@pytest.mark.parametrize(
    ("stop_after", "modes", "finished"),
    [(1, ["global"], False), (6, ["global"], True), (9, ["global"], True), (12, [*MODES], True)],
)
def test_a_cancelled_fit_gives_what_it_has(stop_after, modes, finished):
    epochs = set()
    data = toy_data()
    head = fit_head(
        data,
        recipe=QUICK,
        watch=lambda moment: epochs.add((moment.mode, moment.epoch)),
        cancelled=lambda: len(epochs) >= stop_after,
    )
    assert len(epochs) == stop_after
    assert list(head.members) == modes
    assert all(len(members) == 2 for members in head.members.values())
    assert head.stopped == (modes != [*MODES])
    assert np.isfinite(head.logits(data.embeddings, mode="global")).all()
    full = fit_head(data, recipe=QUICK)
    as_far = np.array_equal(head.members["global"][0].w1, full.members["global"][0].w1)
    assert as_far == finished


def test_global_is_fitted_first_whatever_the_order():
    told = []
    fit_head(toy_data(), recipe=QUICK, modes=("speaker", "global"), watch=told.append)
    assert told[0].mode == "global"


def test_the_epoch_that_hears_the_held_out_speaker_best_is_kept():
    data = toy_data(n_speakers=7, spread=1.0)
    train, held_out = (
        data.select(mask) for mask in (data.speakers != "toy/s0", data.speakers == "toy/s0")
    )
    wild = replace(QUICK, learning_rate=0.5, n_epochs=10, input_dropout=0.6)
    told: list[FitProgress] = []
    head = fit_head(train, recipe=wild, validation=held_out, watch=told.append)
    for mode in MODES:
        uars = [m.held_out_uar for m in told if m.mode == mode]
        assert len(uars) == 10
        assert len(set(uars)) > 1
        # each class has as many segments here, so accuracy is recall
        assert heard(head, held_out, mode) == pytest.approx(max(uars))


def test_a_speaker_on_both_sides_is_refused():
    data = toy_data()
    with pytest.raises(CorpusError, match="both trained on and held out") as caught:
        fit_head(data, recipe=QUICK, validation=data.select(data.speakers == "toy/s1"))
    assert "toy/s1" in caught.value.say("zh")


def test_values_that_are_no_numbers_are_refused_before_training():
    data = toy_data()
    broken = data.embeddings.copy()
    broken[[3, 5], 2] = np.nan
    with pytest.raises(CorpusError, match=r"2 of 72 .* not finite"):
        fit_head(replace(data, embeddings=broken), recipe=QUICK)
    with pytest.raises(CorpusError, match="not finite"):
        fit_head(replace(data, copies={"noise": broken}), recipe=QUICK)


# --- what is linear before a network ---------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 5), st.integers(2, 9), st.integers(3, 20), st.floats(0.0, 10.0))
def test_a_shrinkage_is_symmetric_and_shrinks(n_speakers, n_each, dim, strength):
    data = toy_data(n_speakers=n_speakers, n_each=n_each, dim=max(dim, 6), seed=dim)
    targets = data.targets(data.classes)
    shrinkage = SpeakerShrinkage.measure(data.embeddings, targets, data.speakers, strength=strength)
    w1 = np.random.default_rng(0).standard_normal((3, data.embeddings.shape[1])).astype(np.float32)
    np.testing.assert_allclose(
        shrinkage.apply(w1) @ data.embeddings.T,
        w1 @ shrinkage.apply(data.embeddings).T,
        rtol=1e-3,
        atol=1e-3,
    )
    mapped = shrinkage.apply(data.embeddings)
    between = [
        np.var([x[data.speakers == who].mean(0) for who in np.unique(data.speakers)], axis=0).sum()
        for x in (data.embeddings, mapped)
    ]
    assert between[1] <= between[0] * 1.0001
    if strength == 0.0:
        np.testing.assert_array_equal(mapped, data.embeddings)


def test_what_tells_speakers_apart_is_shrunk_by_its_variance_and_no_emotion_with_it():
    """Two speakers at plus and minus 2 along one direction: variance 4, so 1 / sqrt(1 + 2 * 4)."""
    direction = np.array([0.6, 0.8, 0.0, 0.0])
    emotion = np.array([[0.0, 0.0, 3.0, 0.0], [0.0, 0.0, 0.0, 3.0]])
    # one speaker is mostly angry: who speaks must not be taken for what is felt
    targets = np.array([0, 0, 0, 1, 0, 1, 1])
    speakers = np.array(["a"] * 4 + ["b"] * 3)
    place = np.where(speakers == "a", 2.0, -2.0)[:, None] * direction
    z = (emotion[targets] + place).astype(np.float32)
    even = np.array([0, 3, 4, 5])
    shrinkage = SpeakerShrinkage.measure(z[even], targets[even], speakers[even], strength=2.0)
    np.testing.assert_allclose(
        shrinkage.apply(z), emotion[targets] + place / 3.0, rtol=1e-5, atol=1e-5
    )
    uneven = SpeakerShrinkage.measure(z, targets, speakers, strength=2.0)
    np.testing.assert_allclose(uneven.apply(z)[:, 2:], emotion[targets][:, 2:], atol=1e-5)


def test_a_weighted_sum_of_layers_is_folded_exactly():
    import torch

    layers = LayerSum(start=2, n_layers=3, layer_dim=4, dim=17)
    rng = np.random.default_rng(1)
    z, w1 = (
        rng.standard_normal((5, 17)).astype(np.float32),
        rng.standard_normal((6, 9)).astype(np.float32),
    )
    weights = np.array([0.2, 0.5, 0.3], np.float32)
    summed = weigh(torch.from_numpy(z), torch.from_numpy(weights), layers).numpy()
    assert summed.shape == (5, layers.summed_dim) == (5, 9)
    expected = sum(w * z[:, 2 + 4 * i : 6 + 4 * i] for i, w in enumerate(weights))
    np.testing.assert_allclose(summed[:, 2:6], expected, rtol=1e-5)
    folded = fold(w1, weights, layers)
    np.testing.assert_allclose(z @ folded.T, summed @ w1.T, rtol=1e-4, atol=1e-5)


def layered_data(*, informative, n_layers=3, width=6, before=0):
    """Only one layer knows the emotion."""
    data, rng = toy_data(dim=width, spread=0.5), np.random.default_rng(9)
    noise = rng.standard_normal((len(data.labels), before + n_layers * width)).astype(np.float32)
    start = before + informative * width
    noise[:, start : start + width] = data.embeddings
    return replace(data, embeddings=noise)


@pytest.mark.parametrize(("informative", "before"), [(0, 0), (2, 0), (1, 5)])
def test_the_layer_that_knows_gets_the_weight(informative, before):
    parts = ((Part(1, before),) if before else ()) + (Part(3),)
    recipe = replace(QUICK, n_epochs=25, layer_weighting=True, parts=parts)
    data = layered_data(informative=informative, before=before)
    head = fit_head(data, recipe=recipe)
    for mode in MODES:
        weights = head.layer_weights[mode]
        assert len(weights) == 3
        assert sum(weights) == pytest.approx(1.0, abs=1e-4)
        assert int(np.argmax(weights)) == informative
        assert head.members[mode][0].w1.shape == (16, before + 18)
        assert heard(head, data, mode) > 0.9
    assert fit_head(data, recipe=QUICK).layer_weights == {}


@pytest.mark.parametrize(
    ("parts", "dim", "found"),
    [
        ((), 10, None),
        ((Part(1, 4), Part(1, 6)), 10, None),
        ((Part(3),), 12, LayerSum(0, 3, 4, 12)),
        ((Part(1, 4), Part(2)), 10, LayerSum(4, 2, 3, 10)),
        ((Part(2, 6), Part(1)), 10, LayerSum(0, 2, 3, 10)),
    ],
)
def test_layers_are_placed(parts, dim, found):
    assert place_layers(parts, dim) == found


@pytest.mark.parametrize(
    ("parts", "dim"),
    [
        ((Part(3),), 10),
        ((Part(1, 12), Part(2)), 12),
        ((Part(1), Part(2)), 12),
        ((Part(2, 6),), 7),
        ((Part(2, 6), Part(3, 6)), 12),
    ],
)
def test_layers_that_are_not_there_are_refused(parts, dim):
    with pytest.raises(CorpusError, match="cannot be"):
        place_layers(parts, dim)


# --- recipes ---------------------------------------------------------------------------------------


def test_each_encoder_has_its_recipe():
    assert recipe_for("prosody") == Recipe(core=ProsodyEncoder().core)
    assert recipe_for("hubert:6").layer_weighting is False
    several = recipe_for("hubert:4-9")
    assert several.layer_weighting
    assert place_layers(several.parts, 6 * 1536) == LayerSum(0, 6, 1536, 9216)
    dim = ProsodyEncoder().dim
    fused = recipe_for("prosody+hubert:4,6")
    assert place_layers(fused.parts, dim + 2 * 1536) == LayerSum(dim, 2, 1536, dim + 3072)
    behind = recipe_for("hubert:4-9+sovits.style")
    assert place_layers(behind.parts, 9216 + 512) == LayerSum(0, 6, 1536, 9728)
    assert not recipe_for("prosody+sovits.style").layer_weighting
    with pytest.raises(EncoderError):
        recipe_for("wavlm")


def test_a_recipe_is_plain_data():
    import json

    stored = json.loads(json.dumps(recipe_for("prosody+hubert:4-9").to_dict()))
    assert stored["layer_weighting"] is True
    assert stored["parts"][1] == {"n_layers": 6, "dim": None}


def test_a_recipe_that_stops_early_holds_speakers_out_by_itself():
    data, by_hand = toy_data(n_speakers=9), QUICK
    recipe = replace(by_hand, early_stopping=True)
    apart = np.isin(data.speakers, ["toy/s0", "toy/s8"])
    moments: list[FitProgress] = []
    fitted = fit_head(data, recipe=recipe, watch=moments.append)
    expected = fit_head(data.select(~apart), recipe=by_hand, validation=data.select(apart))
    assert same(fitted, expected)
    assert all(moment.held_out_uar is not None for moment in moments)


def test_too_few_speakers_to_stop_by_are_all_trained_on():
    data = toy_data(n_speakers=3)
    assert same(
        fit_head(data, recipe=replace(QUICK, early_stopping=True)), fit_head(data, recipe=QUICK)
    )


def test_half_of_the_networks_see_the_core_alone():
    recipe = replace(QUICK, n_members=3, core=((0, 3), (5, 6)), speaker_shrinkage=0.0)
    moments: list[FitProgress] = []
    fitted = fit_head(toy_data(), recipe=recipe, watch=moments.append)
    for members in fitted.members.values():
        seen = [np.flatnonzero(np.abs(member.w1).sum(0)).tolist() for member in members]
        assert seen == [list(range(12)), list(range(12)), [0, 1, 2, 5]]
    assert {(m.first, m.last, m.n_members) for m in moments} == {(1, 2, 3), (3, 3, 3)}
    assert heard(fitted, toy_data(), "speaker") > 0.9


def test_the_core_of_another_embedding_is_refused():
    with pytest.raises(CorpusError, match="names columns up to 13, and the embedding has 12"):
        fit_head(toy_data(), recipe=replace(QUICK, core=((0, 13),)))


def test_the_core_of_the_prosody_encoder_tells_of_whole_tracks():
    encoder = ProsodyEncoder()
    names = [
        name
        for start, stop in recipe_for("prosody").core
        for name in encoder.feature_names[start:stop]
    ]
    assert len(set(names)) == len(names) < encoder.dim
    details = ("patterns", "windows", "contours", "high_pitched")
    assert not any(name.startswith(details) for name in names)
    assert {"voiced.f0.mean", "timing.speech_rate"} & set(names)
