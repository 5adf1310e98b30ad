"""Moving statistics: from the training speakers' to a speaker's own, and recordings judged with them."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import voiced
from hypothesis import given
from hypothesis import strategies as st

from gpt_sovits_emotion.audio import recording_from_samples
from gpt_sovits_emotion.banks.building.style_check import is_one_mood
from gpt_sovits_emotion.cli.heads import card_lines
from gpt_sovits_emotion.core.errors import EncoderError, HeadError
from gpt_sovits_emotion.core.records import Segment, Sentence, Transcript
from gpt_sovits_emotion.heads import load_head, predict_recording
from gpt_sovits_emotion.heads.card import MOVING_VERSION, card_from_yaml, card_to_yaml
from gpt_sovits_emotion.heads.check import check_head
from gpt_sovits_emotion.heads.files import save_head
from gpt_sovits_emotion.heads.head import Head
from gpt_sovits_emotion.heads.moving import (
    MovingStatistics,
    moving_statistics,
    own_share,
    spread_of,
)
from gpt_sovits_emotion.heads.profiles import add_unlabelled, begin_profile, for_speaker
from gpt_sovits_emotion.heads.recording import blend
from gpt_sovits_emotion.tagging import Analyser, TagOptions, tag
from gpt_sovits_emotion.testing import FAKE_DIM, FakeEncoder, fake_card, fake_tensors
from gpt_sovits_emotion.training.adapt import adapt
from gpt_sovits_emotion.training.dataset import FeatureStatistics, normalise, normalise_moving
from gpt_sovits_emotion.training.systems import FinishedHead

EVEN = MovingStatistics(0.0, 0.0, 0.0, 0.5)
ALWAYS_OWN = MovingStatistics(50.0, 0.0, 0.0, 0.5)
NEVER_OWN = MovingStatistics(-50.0, 0.0, 0.0, 0.5)


def moving_card(**changes):
    fields = {
        "moving": EVEN,
        "farthest": 4.0,
        "calibrated_on": Sentence("corpora that were left out: a, b", "留出的语料：a、b"),
        "min_speaker_segments": 2,
        "prior_segments": 1.0,
    }
    return fake_card(**{**fields, **changes})


def moving_tensors() -> dict[str, np.ndarray]:
    tensors = {
        name.replace("global.", "shared."): tensor
        for name, tensor in fake_tensors().items()
        if not name.startswith("speaker.")
    }
    within = tensors["features.within_speaker_std"]
    return {**tensors, "features.std": within * np.float32(1.5)}


def moving_head(folder: Path, **changes) -> Head:
    return save_head(folder, moving_card(**changes), moving_tensors())


@pytest.fixture
def head(tmp_path: Path) -> Head:
    return moving_head(tmp_path / "fake-head")


def near(head: Head, n_segments: int, *, seed: int = 0) -> np.ndarray:
    """Embeddings such as a voice gives, within what was trained on."""
    rng = np.random.default_rng(seed)
    rows = head.mean + head.within_speaker_std * rng.normal(size=(n_segments, FAKE_DIM))
    return rows.astype(np.float32)


# --- the statistics -------------------------------------------------------------------------------


@given(st.integers(1, 30), st.floats(0.1, 20), st.integers(0, 1000))
def test_nobody_heard_is_the_training_and_many_are_the_speaker(n_heard, prior, seed):
    rng = np.random.default_rng(seed)
    within = rng.uniform(0.5, 1, 5)
    training = FeatureStatistics(rng.normal(size=5), within * 1.5, within)
    nothing = moving_statistics(training, np.zeros(5), 0, prior_segments=prior)
    np.testing.assert_allclose(nothing[0], training.mean, rtol=1e-5)
    np.testing.assert_allclose(nothing[1], training.std, rtol=1e-5)
    own = rng.normal(size=5)
    mean, std = moving_statistics(training, n_heard * own, n_heard, prior_segments=prior)
    share = n_heard / (n_heard + prior)
    np.testing.assert_allclose(mean, share * own + (1 - share) * training.mean, atol=1e-5)
    assert (std <= training.std + 1e-6).all()
    assert (std >= within - 1e-6).all()
    known = moving_statistics(training, 1e6 * own, 1e6, prior_segments=prior)
    np.testing.assert_allclose(known[0], own, atol=1e-4)
    np.testing.assert_allclose(known[1], within, rtol=1e-4)


@given(st.integers(2, 12), st.floats(0.2, 8), st.integers(0, 1000))
def test_a_segment_among_those_heard_is_judged_as_by_the_others_alone(n_segments, prior, seed):
    """What training gives each segment against all others is what the head gives them together."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n_segments, FAKE_DIM)).astype(np.float32)
    tensors = moving_tensors()
    mean, std, within = (
        tensors[f"features.{name}"] for name in ("mean", "std", "within_speaker_std")
    )
    head = Head(moving_card(prior_segments=prior), {"global": (), "speaker": ()}, mean, std, within)
    own = head.statistics(rows, source="recording", inclusive=True)
    z = np.clip((rows - own.mean) / own.std, -6, 6)
    trained = normalise_moving(
        rows,
        np.zeros(n_segments),
        FeatureStatistics(mean, std, within),
        clip_z=6.0,
        prior_segments=prior,
        n_others=None,
    )
    np.testing.assert_allclose(z, trained, atol=2e-4)


def test_no_others_is_what_the_training_statistics_give():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(9, 4)).astype(np.float32)
    speakers = np.repeat(["a", "b", "c"], 3)
    training = FeatureStatistics.measure(rows, speakers)
    found = normalise_moving(rows, speakers, training, clip_z=6.0, prior_segments=1.0, n_others=0)
    np.testing.assert_allclose(found, normalise(rows, training, clip_z=6.0), atol=1e-5)


def test_few_others_are_drawn_among_the_speakers_own():
    rows = np.array([[0.0], [2.0], [4.0], [100.0], [102.0]], np.float32)
    training = FeatureStatistics(np.zeros(1), np.ones(1), np.ones(1))
    found = normalise_moving(
        rows,
        np.array(list("aaabb")),
        training,
        clip_z=1e6,
        prior_segments=1.0,
        n_others=1,
        rng=np.random.default_rng(0),
    )
    # Against one other segment and one prior segment at 0: half of the other is the mean.
    means = rows - found
    assert means[0, 0] in (1.0, 2.0)
    assert means[1, 0] in (0.0, 2.0)
    assert means[2, 0] in (0.0, 1.0)
    assert means[3:, 0].tolist() == [51.0, 50.0]


@given(st.integers(1, 30), st.integers(2, 7), st.integers(0, 1000))
def test_the_share_is_a_share_and_grows_with_the_spread(n_segments, n_labels, seed):
    rng = np.random.default_rng(seed)
    own, alone = rng.dirichlet(np.ones(n_labels), (2, n_segments))
    moving = MovingStatistics(*rng.normal(0, 3, 3), 0.5)
    assert 0.0 <= own_share(moving, own, alone) <= 1.0
    growing = MovingStatistics(0.0, 1.0, 0.0, 0.5)
    flat = np.tile(own.mean(axis=0), (n_segments, 1))
    assert own_share(growing, flat, alone) <= own_share(growing, own, alone)


def test_spread_by_hand():
    even = np.full((2, 2), 0.5)
    spread, concentration = spread_of(np.eye(2), even)
    assert spread == pytest.approx(np.log(0.5 + 1e-4))
    assert concentration == pytest.approx(-np.log(2), abs=1e-6)
    assert spread_of(even, np.eye(2)[[0, 0]])[0] == pytest.approx(np.log(1e-4))


# --- recordings -----------------------------------------------------------------------------------


@given(st.integers(0, 12), st.integers(0, 500))
def test_every_recording_gets_probabilities(n_segments, seed):
    tensors = moving_tensors()
    mean, std, within = (
        tensors[f"features.{name}"] for name in ("mean", "std", "within_speaker_std")
    )
    from gpt_sovits_emotion.heads.head import Member

    layers = ("mlp.0.weight", "mlp.0.bias", "mlp.3.weight", "mlp.3.bias")
    members = tuple(Member(*(tensors[f"shared.{i}.{layer}"] for layer in layers)) for i in (0, 1))
    head = Head(moving_card(), {"global": members, "speaker": members}, mean, std, within)
    rows = (
        mean + 3 * np.random.default_rng(seed).normal(size=(n_segments, FAKE_DIM)) * std
    ).astype(np.float32)
    found = predict_recording(head, rows)
    assert found.probabilities.shape == (n_segments, 3)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1.0, atol=1e-6)
    assert found.outside.shape == (n_segments,)
    assert 0.0 <= found.own_share <= 1.0
    low, high = sorted(head.card.threshold.values())
    assert low <= found.threshold <= high


def test_one_segment_is_judged_by_the_training_speakers(head):
    rows = near(head, 1)
    found = predict_recording(head, rows)
    assert (found.mode, found.own_share, found.speaker) == ("global", 0.0, None)
    np.testing.assert_array_equal(found.probabilities, head.probabilities(rows))
    assert predict_recording(head, rows, use_own=True).mode == "global"


def test_nothing_to_judge_is_no_error(head):
    found = predict_recording(head, np.empty((0, FAKE_DIM), np.float32))
    assert found.probabilities.shape == (0, 3)


def test_forced_and_forbidden_own_statistics(head):
    rows = near(head, 6)
    own = head.statistics(rows, source="recording", inclusive=True)
    forced = predict_recording(head, rows, use_own=True)
    assert (forced.mode, forced.own_share) == ("speaker", 1.0)
    np.testing.assert_allclose(forced.probabilities, head.probabilities(rows, own))
    never = predict_recording(head, rows, use_own=False)
    assert (never.mode, never.speaker) == ("global", None)
    np.testing.assert_array_equal(never.probabilities, head.probabilities(rows))


@pytest.mark.parametrize(
    ("moving", "mode", "share"),
    [(ALWAYS_OWN, "speaker", 1.0), (NEVER_OWN, "global", 0.0), (EVEN, "mixed", 0.5)],
)
def test_the_share_decides_what_is_said(tmp_path, moving, mode, share):
    head = moving_head(tmp_path, moving=moving, threshold={"global": 0.2, "speaker": 0.6})
    rows = near(head, 8)
    found = predict_recording(head, rows)
    assert found.mode == mode
    assert found.own_share == pytest.approx(share, abs=1e-6)
    assert found.threshold == pytest.approx(0.2 + 0.4 * share)
    own = head.statistics(rows, source="recording", inclusive=True)
    alone = head.logits(rows)
    smoothed = 0.5 * alone + 0.5 * alone.mean(axis=0)
    only_own = head.probabilities(rows, own)
    only_alone = blend(head.logits(rows, own), alone, (1.3, 0.9), moving, 0.0)
    np.testing.assert_allclose(
        found.probabilities, share * only_own + (1 - share) * only_alone, atol=1e-6
    )
    scaled = np.exp(smoothed / 1.3)
    np.testing.assert_allclose(only_alone, scaled / scaled.sum(axis=1, keepdims=True), atol=1e-6)


def test_identical_segments_get_one_verdict(head):
    rows = np.tile(near(head, 1), (7, 1))
    found = predict_recording(head, rows)
    # A matrix product rounds equal rows differently where a processor takes several of them at once.
    first = found.probabilities[:1].repeat(7, axis=0)
    np.testing.assert_allclose(found.probabilities, first, atol=1e-6)


def test_noise_far_away_is_unsure_and_shifts_nobody(head):
    voices = near(head, 5)
    noise = (head.mean + 30 * head.std).astype(np.float32)[None]
    alone = predict_recording(head, voices)
    found = predict_recording(head, np.concatenate([voices[:2], noise, voices[2:]]))
    assert found.outside.tolist() == [False, False, True, False, False, False]
    assert found.label(2, head.card.labels) == "unsure"
    kept = found.probabilities[~found.outside]
    np.testing.assert_allclose(kept, alone.probabilities, atol=1e-6)
    assert found.own_share == pytest.approx(alone.own_share)
    assert found.speaker.n_segments == 5


def test_a_recording_of_noise_alone_is_unsure_throughout(head):
    rng = np.random.default_rng(0)
    noise = (head.mean + 30 * head.std + rng.normal(size=(4, FAKE_DIM))).astype(np.float32)
    found = predict_recording(head, noise)
    assert found.outside.all()
    assert [found.label(row, head.card.labels) for row in range(4)] == ["unsure"] * 4


@pytest.mark.parametrize("use_own", [None, True, False])
def test_embeddings_that_cannot_be_judged_are_refused(head, use_own):
    rows = near(head, 3)
    rows[1, 4] = np.nan
    with pytest.raises(EncoderError, match="not finite"):
        predict_recording(head, rows, use_own=use_own)
    with pytest.raises(EncoderError, match=r"\(n_segments, 20\) was expected"):
        predict_recording(head, np.zeros((3, 7), np.float32), use_own=use_own)


def test_weights_without_measure_are_refused_without_a_warning(tmp_path):
    tensors = moving_tensors()
    tensors["shared.0.mlp.3.weight"] = np.full((3, 8), 3e38, np.float32)
    tensors["shared.0.mlp.0.bias"] = np.full(8, 3e38, np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(HeadError, match="weights so large"):
            save_head(tmp_path, moving_card(), tensors)


def test_a_head_without_moving_statistics_judges_as_before(fake_head):
    head = load_head(fake_head)
    rows = near(head, 6)
    found = predict_recording(head, rows)
    assert (found.mode, found.own_share) == ("speaker", 1.0)
    own = head.statistics(rows, source="recording")
    np.testing.assert_allclose(found.probabilities, head.probabilities(rows, own))
    assert predict_recording(head, rows[:4]).mode == "global"


# --- files ----------------------------------------------------------------------------------------


def test_a_card_with_moving_statistics_comes_back_and_says_its_version(tmp_path):
    card = moving_card()
    path = tmp_path / "head.yaml"
    path.write_text(card_to_yaml(card), encoding="utf-8")
    assert card_from_yaml(path) == card
    assert f"version: {MOVING_VERSION}\n" in path.read_text()


@pytest.mark.parametrize("name", ["moving", "farthest", "calibrated_on"])
def test_each_new_field_alone_makes_the_new_version(name):
    missing = dict.fromkeys({"moving", "farthest", "calibrated_on"} - {name})
    text = card_to_yaml(moving_card(**missing))
    assert f"version: {MOVING_VERSION}\n" in text
    assert all(other not in text for other in missing)


def test_a_card_without_them_stays_at_version_1():
    text = card_to_yaml(fake_card())
    assert "version: 1\n" in text
    assert not any(name in text for name in ("moving", "farthest", "calibrated_on"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"moving": MovingStatistics(0.0, float("nan"), 0.0, 0.5)}, "not finite"),
        ({"moving": MovingStatistics(0.0, 0.0, 0.0, 1.5)}, "smoothing is no share"),
        ({"prior_segments": 0.0}, "prior_segments is 0"),
        ({"farthest": 0.0}, "farthest is no distance"),
        ({"farthest": float("nan")}, "farthest is no distance"),
    ],
)
def test_a_card_that_contradicts_itself_says_so(changes, words):
    (problem,) = moving_card(**changes).problems()
    assert words in problem.en
    assert problem.zh != problem.en


def test_the_shared_networks_serve_both_modes_and_pass_their_golden_triple(tmp_path):
    head = moving_head(tmp_path / "fake-head")
    assert head.members["global"] is head.members["speaker"]
    assert check_head(tmp_path / "fake-head") == ()
    # A triple of another training is told apart, in either mode.
    other = moving_tensors()
    other["features.within_speaker_std"] = other["features.within_speaker_std"] * np.float32(0.5)
    golden = (tmp_path / "fake-head" / "golden.json").read_bytes()
    save_head(tmp_path / "fake-head", moving_card(), other)
    (tmp_path / "fake-head" / "golden.json").write_bytes(golden)
    with pytest.raises(HeadError, match="in mode 'speaker'"):
        check_head(tmp_path / "fake-head")


def test_networks_per_mode_do_not_fit_a_moving_card(tmp_path):
    with pytest.raises(HeadError, match="tensors that no head of this format has: global"):
        save_head(tmp_path, moving_card(), fake_tensors())


def test_the_card_in_words():
    lines = "\n".join(card_lines(moving_card()))
    assert "as far as it seems to hold several moods" in lines
    assert "unsure from 4 times the usual distance" in lines
    assert "calibrated on corpora that were left out: a, b" in lines
    assert "calibrated on" not in "\n".join(card_lines(fake_card()))


# --- tagging --------------------------------------------------------------------------------------


def tagged(head: Head, *, n_segments=6, options=None, language="en"):
    encoder = FakeEncoder()
    parts = [voiced(2.0, level=level) for level in (0.1, 0.3, 0.2, 0.15, 0.25, 0.12)]
    segments = tuple(Segment(2.0 * i, 2.0 * i + 1.5, f"text {i}") for i in range(n_segments))
    segments = tuple(replace(segment, language=language) for segment in segments)
    with recording_from_samples(np.concatenate(parts), 16_000) as recording:
        analyser = Analyser(head, encoder, encoder)
        return tag(
            Transcript(segments, language, "x"), recording, analyser, options=options
        ).transcript


@pytest.mark.parametrize(
    ("moving", "mode", "words"),
    [
        (ALWAYS_OWN, "speaker", "own 6 segments"),
        (NEVER_OWN, "global", "the 6 segments seem to be in one mood"),
        (EVEN, "mixed", "judged 50 % against this speaker's own 6 segments and 50 % against"),
    ],
)
def test_the_document_says_how_it_was_judged_and_why(tmp_path, moving, mode, words):
    document = tagged(moving_head(tmp_path, moving=moving, farthest=1e5))
    assert document.normalisation == mode
    assert words in document.normalisation_note.en
    assert document.normalisation_note.zh != document.normalisation_note.en


def test_force_and_refusal_are_named(tmp_path):
    head = moving_head(tmp_path, moving=NEVER_OWN, farthest=1e5)
    forced = tagged(head, options=TagOptions(speaker_statistics=True))
    assert forced.normalisation == "speaker"
    refused = tagged(head, options=TagOptions(speaker_statistics=False))
    assert "as asked" in refused.normalisation_note.en
    single = tagged(head, n_segments=1)
    assert "fewer than 2 segments of this speaker (1)" in single.normalisation_note.en


def test_segments_unlike_the_training_are_unsure_and_say_why(tmp_path):
    document = tagged(moving_head(tmp_path, farthest=1e-3))
    for segment in document.segments:
        assert segment.label == "unsure"
        assert segment.scores.reason.en.startswith("unlike any voice that this head was trained on")
        assert "不像" in segment.scores.reason.zh
    assert [note.en for note in document.notes] == [
        "6 of 6 segments are unlike any voice that the head was trained on, and are left unsure"
    ]


@pytest.mark.parametrize(
    ("language", "named"),
    [("en", False), ("zh", True), ("", False), ("EN", False), ("en-US", False)],
)
def test_a_language_that_was_not_taught_is_named(tmp_path, language, named):
    document = tagged(moving_head(tmp_path, farthest=1e5), language=language)
    assert [note.en for note in document.notes] == (
        ["head fake-head was trained on en, not on zh: expect more errors"] if named else []
    )


# --- profiles and banks -----------------------------------------------------------------------------


def test_a_profile_of_few_clips_keeps_the_doubt_about_the_mean(head):
    profile = adapt(head, speaker="li", unlabelled=near(head, 2))
    _, statistics = for_speaker(head, profile)
    _, expected = moving_statistics(head, np.zeros(FAKE_DIM), 2, prior_segments=1.0)
    np.testing.assert_allclose(statistics.std, expected)
    many = adapt(head, speaker="li", unlabelled=near(head, 400))
    np.testing.assert_allclose(for_speaker(head, many)[1].std, head.within_speaker_std, rtol=0.01)
    found = predict_recording(head, near(head, 3), speaker=statistics)
    assert (found.mode, found.own_share) == ("speaker", 1.0)


def test_a_profile_of_one_clip_is_refused(head):
    with pytest.raises(HeadError, match="too few to learn from"):
        adapt(head, speaker="li", unlabelled=near(head, 1))
    assert for_speaker(head, add_unlabelled(begin_profile(head, "li"), near(head, 1)))[1] is None


def test_a_bank_in_one_mood_is_told_by_the_heads_own_share(tmp_path):
    rows = near(load_head_of(tmp_path, ALWAYS_OWN), 8)
    assert is_one_mood(load_head_of(tmp_path, ALWAYS_OWN), rows) is None
    assert is_one_mood(load_head_of(tmp_path, NEVER_OWN), rows) in fake_card().labels


def load_head_of(folder: Path, moving: MovingStatistics) -> Head:
    return moving_head(folder / f"{moving.bias:g}", moving=moving)


def test_a_finished_head_is_asked_as_it_judges(head):
    finished = FinishedHead(head, ("neutral", "angry"))
    rows = near(head, 6)
    judged = finished.judge(rows)
    np.testing.assert_allclose(judged.sum(axis=1), 1.0)
    whole = predict_recording(head, rows).probabilities[:, [2, 0]]
    np.testing.assert_allclose(judged, whole / whole.sum(axis=1, keepdims=True))
    own = head.statistics(rows, source="recording", inclusive=True)
    np.testing.assert_allclose(
        np.exp(finished.logits(rows, mode="speaker")),
        head.probabilities(rows, own)[:, [2, 0]],
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        np.exp(finished.logits(rows[:1], mode="speaker", known=rows[1:2])),
        head.probabilities(rows[:1])[:, [2, 0]],
        rtol=1e-5,
    )
