"""One network for unseen speakers and known ones: recordings, their calibration, and who is tested."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_sovits_emotion.cli.evaluate import _table
from gpt_sovits_emotion.cli.language import set_language
from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.heads import predict_recording
from gpt_sovits_emotion.heads.card import CorpusCredit, EncoderSpec
from gpt_sovits_emotion.heads.files import save_head
from gpt_sovits_emotion.heads.head import softmax
from gpt_sovits_emotion.report.evaluation import evaluation_page
from gpt_sovits_emotion.testing import fake_card, make_fake_head
from gpt_sovits_emotion.training.calibration import (
    KINDS,
    LENGTHS,
    REPORTED,
    SHARED_EMOTIONS,
    calibrate_moving,
    probabilities_in,
    simulate_recordings,
)
from gpt_sovits_emotion.training.corpora import KNOWN_CORPORA, Clip, Corpus
from gpt_sovits_emotion.training.cross_validation import held_out_predictions, predictions_as_is
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings, join
from gpt_sovits_emotion.training.evaluation_report import (
    Evaluation,
    Outcome,
    read_evaluation,
    write_evaluation,
)
from gpt_sovits_emotion.training.fit import fit_head
from gpt_sovits_emotion.training.folds import (
    speaker_and_text_folds,
    speaker_folds,
    split_fold,
    trials_of,
)
from gpt_sovits_emotion.training.fusion import average
from gpt_sovits_emotion.training.held_out import score, score_recordings
from gpt_sovits_emotion.training.metrics import expected_calibration_error
from gpt_sovits_emotion.training.recipes import Recipe
from gpt_sovits_emotion.training.systems import EvaluationPlan, System, fair_systems, has_met
from gpt_sovits_emotion.training.unseen_corpora import calibrate_on_unseen, check_training
from gpt_sovits_emotion.training.unseen_corpora import testable_corpora as fit_for_calibration

DIM = 16
QUICK = Recipe(
    hidden=24,
    n_epochs=8,
    batch_size=64,
    learning_rate=1e-2,
    mixup=0.0,
    prior_segments=1.0,
    n_members=1,
    heard=(0, 4, -1),
    balance_corpora=True,
)


@dataclass(frozen=True)
class _Quick:
    """Fits by `QUICK`, and remembers whom each fit was trained on."""

    trained_on: list[frozenset[str]]

    def __call__(self, data, *, classes, modes):
        self.trained_on.append(frozenset(data.corpora.tolist()))
        return fit_head(data, recipe=QUICK, classes=classes, modes=modes)


def acted(
    name="a", *, n_speakers=6, n_clips=12, seed=0, labels=SHARED_EMOTIONS, shift=2.0, offset=2.0
):
    """Moods that shift two features each, in voices that lie about as far apart as the moods."""
    rng = np.random.default_rng(seed)
    rows, moods, speakers = [], [], []
    for who in range(n_speakers):
        voice = offset * rng.standard_normal(DIM)
        for label in labels:
            for _ in range(n_clips):
                row = voice + rng.standard_normal(DIM)
                place = SHARED_EMOTIONS.index(label)
                row[2 * place : 2 * place + 2] += shift
                rows.append(row)
                moods.append(label)
                speakers.append(f"{name}/{who}")
    return LabelledEmbeddings(
        np.array(rows, np.float32),
        np.array(moods),
        np.array(speakers),
        np.repeat("", len(rows)),
        corpora=np.array(name),
    )


@cache
def measured():
    """Predictions for held-out speakers, with their recordings, and the calibration that comes of them."""
    data = acted()
    held_out = held_out_predictions(
        data, speaker_folds(data, at_most=3), recipe=QUICK, lengths=LENGTHS
    )
    return held_out, calibrate_moving(held_out.recordings, held_out.predicted_clips())


# --- recordings -------------------------------------------------------------------------------------


@given(
    st.lists(st.integers(0, 25), min_size=4, max_size=4),
    st.sampled_from(LENGTHS),
    st.integers(0, 100),
)
def test_situations_hold_no_clip_twice_and_what_their_kind_says(numbers, n, seed):
    labels = np.repeat([*SHARED_EMOTIONS, "disgust"], [*numbers, 3])
    np.random.default_rng(seed).shuffle(labels)
    found = simulate_recordings(labels, lengths=(n,), seed=seed)
    assert bool(found) == (sum(number >= 2 for number in numbers) >= 2)
    for one in found:
        assert one.kind in KINDS
        assert one.n_wanted == n
        assert 0 < len(one.rows) <= n
        assert len(set(one.rows.tolist())) == len(one.rows)
        moods = Counter(labels[one.rows].tolist())
        assert set(moods) <= set(SHARED_EMOTIONS)
        if one.kind == "one":
            assert len(moods) == 1
        if one.kind in ("two", "outlier"):
            assert len(moods) == 2


def test_ten_segments_are_shared_out_as_the_kinds_say():
    labels = np.repeat(SHARED_EMOTIONS, 20)
    found = simulate_recordings(labels, lengths=(10,), n_draws=2)
    sizes = {
        kind: [
            sorted(Counter(labels[one.rows].tolist()).values(), reverse=True)
            for one in found
            if one.kind == kind
        ]
        for kind in KINDS
    }
    assert sizes["several"] == [[3, 3, 2, 2]] * 2
    assert sizes["one"] == [[10]] * 4
    assert sizes["neutral"] == [[7, 1, 1, 1]] * 2
    assert sizes["two"] == [[5, 5]] * 2
    assert sizes["outlier"] == [[9, 1]] * 2
    mostly = next(one for one in found if one.kind == "neutral")
    assert Counter(labels[mostly.rows].tolist()).most_common(1)[0][0] == "neutral"


def test_the_same_seed_draws_the_same():
    labels = np.repeat(SHARED_EMOTIONS, 9)
    first, second = (simulate_recordings(labels, lengths=LENGTHS, seed=3) for _ in range(2))
    assert all(
        one.kind == other.kind and np.array_equal(one.rows, other.rows)
        for one, other in zip(first, second, strict=True)
    )


def test_nobody_with_one_mood_is_drawn_from():
    assert simulate_recordings(np.repeat("angry", 30)) == []
    assert simulate_recordings(np.array(["angry"] * 30 + ["sad"])) == []


# --- what it is worth -------------------------------------------------------------------------------


def test_the_own_mean_wins_in_several_moods_and_loses_in_one():
    held_out, _ = measured()

    def uar(kind, which):
        ones = [one for one in held_out.recordings if one.kind == kind and one.n_wanted == 10]
        right = [(getattr(one, which).argmax(1) == one.truth).mean() for one in ones]
        return float(np.mean(right))

    assert uar("several", "own") > uar("several", "alone") + 0.1
    assert uar("one", "alone") > uar("one", "own") + 0.1


def test_the_share_tells_several_moods_from_one_and_the_mixture_is_near_the_better():
    held_out, calibration = measured()
    scores = {one.kind: one for one in score_recordings(held_out, moves=True)}
    always = {one.kind: one for one in score_recordings(held_out, moves=False)}
    assert tuple(scores) == ("alone", *KINDS, "all")
    assert scores["several"].uar > scores["alone"].uar
    assert scores["several"].uar > always["several"].uar - 0.05
    assert scores["one"].uar > always["one"].uar + 0.1
    assert scores["all"].uar == always["all"].uar > scores["alone"].uar
    moving = calibration.moving
    assert moving.spread_weight > 0


def test_situation_scores_say_how_many():
    held_out, _ = measured()
    scores = {one.kind: one for one in score_recordings(held_out, moves=True)}
    assert all(one.n_speakers == 6 for one in scores.values())
    assert (scores["alone"].n_segments, scores["alone"].n_recordings) == (1, 6 * 48)
    assert (scores["all"].n_segments, scores["all"].n_recordings) == (48, 6)
    assert (scores["several"].n_segments, scores["several"].n_recordings) == (10, 12)
    assert scores["one"].n_recordings == 24
    for one in scores.values():
        assert one.uar_interval[0] <= one.uar <= one.uar_interval[1]
    assert scores["alone"].uar == pytest.approx(score(held_out, mode="global").uar)


def test_probabilities_of_unseen_speakers_are_calibrated():
    _, calibration = measured()
    others = held_out_predictions(
        data := acted(seed=9), speaker_folds(data, at_most=3), recipe=QUICK, lengths=(10,)
    )
    found = [probabilities_in(one, calibration) for one in others.recordings]
    truth = np.concatenate([one.truth for one in others.recordings])
    error = expected_calibration_error(np.concatenate(found), truth)
    raw = softmax(np.concatenate([one.speaker_logits for one in others.recordings]))
    assert error < 0.12
    assert error < expected_calibration_error(raw, truth) + 0.05
    assert set(calibration.temperature) == set(calibration.threshold) == {"global", "speaker"}
    for rows in found:
        np.testing.assert_allclose(rows.sum(axis=1), 1.0, atol=1e-6)


def test_a_head_judges_recordings_as_the_calibration_foresaw(tmp_path):
    _, calibration = measured()
    data = acted()
    fitted = fit_head(data, recipe=QUICK)
    card = fake_card(
        id="moving",
        labels=fitted.classes,
        encoder=EncoderSpec("fake", DIM, "fake-1", 16_000, "none"),
        clip_z=QUICK.clip_z,
        min_speaker_segments=2,
        prior_segments=QUICK.prior_segments,
        temperature=calibration.temperature,
        threshold=calibration.threshold,
        moving=calibration.moving,
        results=(),
    )
    head = save_head(tmp_path, card, fitted.tensors())
    stranger = acted("b", n_speakers=1, n_clips=10, seed=77)
    several = np.concatenate(
        [
            stranger.embeddings[np.flatnonzero(stranger.labels == mood)[:3]]
            for mood in SHARED_EMOTIONS
        ]
    )
    one_mood = stranger.embeddings[stranger.labels == "angry"]
    in_several, in_one = (predict_recording(head, rows) for rows in (several, one_mood))
    assert in_several.own_share > 0.7
    assert in_one.speaker_logits_share < 0.5
    # The training's own way to the same logits.
    np.testing.assert_allclose(
        head.logits(several, head.statistics(several, source="", inclusive=True)),
        fitted.logits(several, mode="speaker"),
        atol=1e-3,
    )
    np.testing.assert_allclose(
        head.logits(several), fitted.logits(several, mode="global"), atol=1e-3
    )
    as_is = predictions_as_is(head, acted("c", n_speakers=2, seed=5), lengths=(10,))
    assert all(one.probabilities is not None for one in as_is.recordings)
    assert {one.kind for one in score_recordings(as_is, moves=False)} == set(REPORTED)


def test_nobody_with_several_moods_is_a_clear_refusal():
    held_out, _ = measured()
    with pytest.raises(CorpusError, match="two clips or more of two of the moods"):
        calibrate_moving(
            [one for one in held_out.recordings if one.kind == "one"], held_out.predicted_clips()
        )


def test_an_ensemble_hears_recordings_as_the_mean_of_its_parts():
    held_out, _ = measured()
    other = replace(
        held_out,
        recordings=tuple(
            replace(one, speaker_logits=one.speaker_logits + 2, global_logits=-one.global_logits)
            for one in held_out.recordings
        ),
    )
    both = average([held_out, other])
    for one, mean in zip(held_out.recordings, both.recordings, strict=True):
        np.testing.assert_allclose(mean.speaker_logits, one.speaker_logits + 1, atol=1e-6)
        np.testing.assert_allclose(mean.global_logits, 0.0, atol=1e-12)


# --- unseen corpora --------------------------------------------------------------------------------------


def unseen_of(data, *, fit=None, others=None, train_only=(), cancelled=lambda: False):
    held_out = held_out_predictions(
        data,
        speaker_folds(data, at_most=2, never_tested=train_only),
        recipe=QUICK,
        lengths=LENGTHS,
        whole=not train_only,
    )
    return calibrate_on_unseen(
        data,
        held_out,
        fit_head(data, recipe=QUICK),
        fit=fit or _Quick([]),
        train_only=train_only,
        others=others,
        n_jobs=1,
        cancelled=cancelled,
        progress=lambda share, name: None,
    )


def test_each_corpus_is_judged_by_what_was_trained_on_the_others():
    fit = _Quick([])
    few = [acted(name, n_speakers=3, n_clips=6, seed=i) for i, name in enumerate("abc")]
    found = unseen_of(join(few), fit=fit, train_only=("c",))
    assert fit.trained_on == [frozenset("bc"), frozenset("ac")]
    assert list(found.tested) == ["a", "b"]
    for name, held_out in found.tested.items():
        assert {who.partition("/")[0] for who in held_out.speakers.tolist()} == {name}
    assert found.source.en == "corpora that were left out: a, b"


def test_corpora_that_take_no_part_in_the_training_are_asked_first():
    others = acted("z", n_speakers=2, n_clips=6, seed=8)
    found = unseen_of(acted(n_speakers=3, n_clips=6), others=others)
    assert found.source.en == "corpora that were left out: z"
    assert list(found.tested) == ["z"]


def test_without_corpora_the_speakers_that_were_held_out_are_taken():
    found = unseen_of(acted(n_speakers=3, n_clips=6))
    assert found.source == Sentence("speakers that were left out", "留出的说话人")
    assert 1.0 < found.farthest < 4.0


def test_stopped_before_the_first_corpus_it_still_calibrates():
    few = [acted(name, n_speakers=3, n_clips=6, seed=i) for i, name in enumerate("ab")]
    found = unseen_of(join(few), cancelled=lambda: True)
    assert found.source.en == "speakers that were left out"


def test_a_corpus_that_lacks_a_class_is_judged_on_the_others():
    whole = acted("a", n_speakers=3, n_clips=6)
    three = acted("b", n_speakers=3, n_clips=6, seed=4, labels=("angry", "neutral", "sad"))
    found = unseen_of(join([whole, three]))
    # Trained on b alone nobody has heard happiness, so it is not asked for in a.
    assert set(found.tested["a"].truth.tolist()) == {0, 2, 3}
    assert len(found.tested["b"].truth) == len(three.labels)
    assert all(np.isfinite(one.uar) for one in score_recordings(found.tested["b"], moves=True))


def test_the_card_says_what_was_found_in_recordings_and_nothing_of_a_corpus_without_any():
    others = acted("z", n_speakers=2, n_clips=6, seed=8)
    thin = acted("thin", n_speakers=4, n_clips=1, seed=9)
    found = unseen_of(acted(n_speakers=3, n_clips=6), others=join([others, thin]))
    assert list(found.tested) == ["thin", "z"]
    assert found.notes("thin", found.without("thin")) == ()
    recordings, error = found.notes("z", found.without("z"))
    assert recordings.startswith("recordings of 10 segments, UAR: one clip alone ")
    assert all(f"{said.en} " in recordings for said in REPORTED.values())
    assert error.startswith("in these an ECE of 0.")


def test_corpora_of_two_moods_calibrate_nothing():
    two = acted("two", labels=("angry", "sad"))
    assert fit_for_calibration(join([acted(), two]), ()) == ("a",)
    assert fit_for_calibration(join([acted(), two]), ("a",)) == ()


# --- for training only -----------------------------------------------------------------------------


def corpus_of(name: str) -> Corpus:
    clips = tuple(Clip(Path(f"{name}{i}.wav"), f"s{i}", "angry") for i in range(2))
    info = KNOWN_CORPORA.get(name)
    root = Path("/nowhere") / name
    return Corpus(name, root, clips, info) if info else Corpus(name, root, clips)


def test_training_needs_somebody_to_measure_on():
    with pytest.raises(CorpusError, match="marco-voice: for training only"):
        check_training([corpus_of("marco-voice")], (), encoder_id="x", moves=True)
    check_training([corpus_of("marco-voice"), corpus_of("mine")], (), encoder_id="x", moves=True)


@pytest.mark.parametrize(
    ("name", "moves", "words"),
    [
        ("mine", True, "mine is trained on"),
        ("csemotions", True, "csemotions is trained on"),
        ("marco-voice", True, "never a test set"),
        ("nemo", False, "leave --calibrate-on out"),
    ],
)
def test_calibrating_on_what_is_of_no_use_is_refused(name, moves, words):
    trained = [corpus_of("mine"), corpus_of("marco-voice")]
    with pytest.raises(CorpusError, match=words) as caught:
        check_training(trained, [corpus_of(name)], encoder_id="x", moves=moves)
    assert caught.value.say("zh") != str(caught.value)


def test_calibrating_on_others_is_allowed():
    check_training([corpus_of("mine")], [corpus_of("nemo")], encoder_id="x", moves=True)


def test_corpora_for_training_only_are_in_no_fold_that_is_tested():
    data = join([acted("a", n_speakers=3), acted("b", n_speakers=2)])
    data = replace(data, texts=np.tile(["x", "y"], len(data.labels) // 2))
    folds = [
        *speaker_folds(data, never_tested=["b"]),
        *speaker_and_text_folds(data, never_tested=["b"]),
        split_fold(data, never_tested=["b"]),
    ]
    for fold in folds:
        assert set(data.corpora[fold.test].tolist()) == {"a"}
        assert "b" in data.corpora[fold.train]
    assert len(speaker_folds(data, never_tested=["b"])) == 3
    for split in (speaker_folds, speaker_and_text_folds, split_fold):
        with pytest.raises(CorpusError, match="every corpus is for training only"):
            split(data, never_tested=["a", "b"])
    with pytest.raises(CorpusError, match="there is no speaker 'b/0' to test"):
        split_fold(data, test_speakers=["b/0"], never_tested=["b"])


@pytest.mark.parametrize("protocol", ["loso", "split", "cross"])
def test_trials_never_test_corpora_for_training_only(protocol):
    data = join([acted(name, n_speakers=3) for name in "abc"])
    trials = trials_of(
        data,
        protocol=protocol,
        corpora=list("abc"),
        labels=(),
        heads=(),
        anything_trained=True,
        train_only=["c"],
    )
    for trial in trials:
        assert "c" not in trial.corpora
        for fold in trial.folds:
            assert "c" not in data.select(trial.rows).corpora[fold.test]
    if protocol == "cross":
        assert [(trial.trained_on, trial.corpora) for trial in trials] == [
            ("a", ("b",)),
            ("b", ("a",)),
            ("c", ("a",)),
            ("c", ("b",)),
            ("b + c", ("a",)),
            ("a + c", ("b",)),
        ]


@pytest.mark.parametrize("protocol", ["loso", "loso+text", "split", "cross"])
def test_an_evaluation_says_what_it_does_not_test_and_refuses_to_test_nothing(protocol):
    from gpt_sovits_emotion.testing import FakeEncoder

    system = System.of_recipe(FakeEncoder(), QUICK)
    plan = EvaluationPlan((corpus_of("marco-voice"), corpus_of("mine")), system, protocol=protocol)
    _, _, warnings = fair_systems(plan)
    assert [one.en for one in warnings] == [
        "marco-voice is for training only, never a test set: its clips are outputs of a speech synthesis"
    ]
    with pytest.raises(CorpusError, match="nothing is left to measure on"):
        fair_systems(replace(plan, corpora=(corpus_of("marco-voice"),)))


def test_a_head_on_a_synthesis_has_met_the_voices_it_was_made_from(tmp_path):
    head = save_head(tmp_path, fake_card(), _tensors())
    assert not has_met(head, corpus_of("csemotions"))
    credit = CorpusCredit(KNOWN_CORPORA["marco-voice"].title, "zh", 1, 1, "x", "y")
    met = replace(head, card=replace(head.card, corpora=(credit,)))
    assert has_met(met, corpus_of("csemotions"))
    assert has_met(met, corpus_of("marco-voice"))
    assert not has_met(met, corpus_of("emodb"))


def _tensors():
    from gpt_sovits_emotion.testing import fake_tensors

    return fake_tensors()


def test_the_recipe_of_a_moving_head_is_read_back_from_its_card(tmp_path):
    from gpt_sovits_emotion.heads import load_head
    from gpt_sovits_emotion.training.systems import _recipe_of

    head = load_head(make_fake_head(tmp_path))
    recipe = json.loads(json.dumps(QUICK.to_dict()))
    spec = replace(head.card.encoder, id="prosody")
    card = replace(head.card, encoder=spec, recipe=recipe)
    found = _recipe_of(replace(head, card=card))
    assert found.heard == (0, 4, -1)
    assert found.balance_corpora is True
    assert found.prior_segments == 1.0


# --- what is shown ----------------------------------------------------------------------------------


@pytest.fixture
def evaluation() -> Evaluation:
    held_out, _ = measured()
    outcomes = [
        Outcome.of(
            score(held_out, mode=mode),
            contender="recipe on fake",
            protocol="loso",
            trained_on="all other speakers",
            corpus="a",
            normalisation=mode,
            few=(),
            note=Sentence("", ""),
            situations=score_recordings(held_out, moves=True) if mode == "speaker" else (),
        )
        for mode in ("global", "speaker")
    ]
    from gpt_sovits_emotion.training.evaluation_report import Contender

    contender = Contender("recipe on fake", "recipe", "fake", "fake-1", {})
    return Evaluation("loso", (contender,), (), tuple(outcomes), (), (), "2026-01-01", 1.0)


def test_the_terminal_shows_recordings_with_intervals_and_numbers(evaluation):
    english = "\n".join(_table(evaluation, "en"))
    set_language("zh")
    chinese = "\n".join(_table(evaluation, "zh"))
    by_kind = {one.kind: one for one in evaluation.outcomes[1].situations}
    one = by_kind["one"]
    low, high = (100 * edge for edge in one.uar_interval)
    assert (
        f"{100 * one.uar:.1f} [{low:.1f} to {high:.1f}]  one mood throughout (24 x 10 clips, 6 speakers)"
        in english
    )
    assert "one clip alone (288 x 1 clip, 6 speakers)" in english
    assert "all of a speaker (6 x 48 clips, 6 speakers)" in english
    for kind, said in REPORTED.items():
        assert said.en in english, kind
        assert said.zh in chinese, kind
    assert f"{100 * one.uar:.1f} [{low:.1f} 至 {high:.1f}]" in chinese
    assert "（24 段，每段 10 个片段，6 位说话人）" in chinese
    assert "recipe on fake：配方，编码器 fake" in chinese
    for words in (
        "classes",
        "clips",
        "speakers",
        "recall",
        "judged",
        "right",
        "in the moods",
        "from a",
    ):
        assert words in english
        assert words not in chinese


def test_the_page_shows_recordings_in_both_languages(evaluation):
    page = evaluation_page(evaluation)
    for said in REPORTED.values():
        assert f'<span class="en" lang="en">{said.en}</span>' in page
        assert f'<span class="zh" lang="zh-CN">{said.zh}</span>' in page
    assert page.count('id="situations"') == 1
    assert "24 × 10 clips, 6 speakers" in page
    without = replace(
        evaluation, outcomes=tuple(replace(one, situations=()) for one in evaluation.outcomes)
    )
    assert 'id="situations"' not in evaluation_page(without)


def test_the_json_holds_them(evaluation, tmp_path):
    write_evaluation(evaluation, tmp_path / "e.json")
    assert read_evaluation(tmp_path / "e.json") == evaluation
    text = json.loads((tmp_path / "e.json").read_text(encoding="utf-8"))
    assert '"kind": "one"' in json.dumps(text)
