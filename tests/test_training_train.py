"""From corpora to an installed head: the orchestra, on an encoder of twenty numbers and short hums."""

from __future__ import annotations

import csv
import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import voiced

from gpt_sovits_emotion.audio import write_wav
from gpt_sovits_emotion.core.errors import CorpusError, HeadError, OutputError
from gpt_sovits_emotion.core.records import Audio, Sentence
from gpt_sovits_emotion.encoders.feature_cache import FeatureCache
from gpt_sovits_emotion.encoders.fused import FusedEncoder
from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
from gpt_sovits_emotion.heads import find_head, load_head
from gpt_sovits_emotion.testing import FakeEncoder, check_head
from gpt_sovits_emotion.training import fusion
from gpt_sovits_emotion.training.corpora import open_corpora
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings
from gpt_sovits_emotion.training.fit import fit_head
from gpt_sovits_emotion.training.fusion import average, columns, pad_together
from gpt_sovits_emotion.training.held_out import HeldOut
from gpt_sovits_emotion.training.packaging import reserved
from gpt_sovits_emotion.training.recipes import Recipe, TrainingPlan
from gpt_sovits_emotion.training.train import ProgressEvent, train

SPEAKERS = ("ann", "bob", "cem", "dee")
LENGTHS_S = {"angry": 0.7, "neutral": 1.1, "sad": 1.6}


@pytest.fixture(scope="module")
def corpus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four speakers who hum short when angry and long when sad, four times each."""
    return _hums(tmp_path_factory.mktemp("corpora") / "hums")


def _hums(folder: Path, *, seed: int = 0, written: str = "") -> Path:
    folder.mkdir()
    if written:
        (folder / "corpus.yaml").write_text(written, encoding="utf-8")
    rows = []
    rng = np.random.default_rng(seed)
    for number, speaker in enumerate(SPEAKERS):
        for emotion, length_s in LENGTHS_S.items():
            for take in range(4):
                name = f"{speaker}-{emotion}-{take}.wav"
                samples = voiced(
                    length_s + rng.uniform(-0.04, 0.04),
                    f0_hz=120 + 30 * number,
                    syllables_per_s=3 + take / 5,
                )
                write_wav(folder / name, Audio(samples, 16_000))
                rows.append((name, speaker, emotion, f"sentence {take}"))
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("path", "speaker", "emotion", "text"))
        writer.writerows(rows)
    return folder


@pytest.fixture(autouse=True)
def _quick_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fakes have no recipe of their own, and need few passes."""
    recipe = Recipe(
        n_epochs=30, n_members=2, batch_size=16, learning_rate=5e-3, input_dropout=0.0, hidden=32
    )
    monkeypatch.setattr(fusion, "recipe_for", lambda encoder_id: recipe)


@pytest.fixture
def plan(tmp_path: Path) -> TrainingPlan:
    """A plan for a head called hums, in a folder of heads of its own."""
    return TrainingPlan("hums", heads_dir=tmp_path / "heads", command="train it")


def test_a_head_is_trained_measured_and_installed(corpus_folder: Path, plan: TrainingPlan) -> None:
    moments: list[ProgressEvent] = []
    corpora = open_corpora([f"hums={corpus_folder}"])
    trained = train(corpora, plan, encoder=FakeEncoder(), watch=moments.append)

    head = find_head("hums", [plan.heads_dir])
    assert trained.folder == plan.heads_dir / "hums"
    assert check_head(trained.folder) == ()
    assert head.card.labels == ("angry", "neutral", "sad")
    assert head.card.encoder.id == "fake"
    assert head.card.recipe["command"] == "train it"
    assert [credit.name for credit in head.card.corpora] == ["hums"]
    assert {(result.protocol, result.normalisation) for result in head.card.results} == {
        ("loso", "global"),
        ("loso", "speaker"),
    }
    # length alone tells these emotions apart, and the encoder gives it
    assert all(result.uar > 0.8 and result.n_speakers == 4 for result in head.card.results)

    passes = [moment.epoch for moment in moments if moment.stage == "fitting"]
    # a curve per mode, of the networks that are fitted side by side
    assert passes == [*range(1, 31)] * 2
    stages = [moment.stage for moment in moments]
    assert sorted(set(stages), key=stages.index) == [
        "features",
        "measuring",
        "fitting",
        "writing",
    ]
    fractions = [moment.fraction for moment in moments]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    fitting = [moment for moment in moments if moment.stage == "fitting"]
    assert fitting[-1].loss < fitting[0].loss
    assert all(moment.held_out_uar > 0.8 for moment in fitting)


def test_a_head_with_moving_statistics_is_calibrated_on_people_whom_it_never_met(
    corpus_folder: Path, plan: TrainingPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(fusion.recipe_for("fake"), heard=(0, 4, -1), prior_segments=1.0, n_epochs=10)
    monkeypatch.setattr(fusion, "recipe_for", lambda encoder_id: recipe)
    made = _hums(tmp_path / "made", seed=1, written="synthetic: true\n")
    (tmp_path / "others").mkdir()
    others = _hums(tmp_path / "others" / "strangers", seed=2)
    corpora = open_corpora([f"hums={corpus_folder}", f"made={made}"])
    assert [corpus.train_only for corpus in corpora] == [False, True]
    moments: list[ProgressEvent] = []
    plan = replace(plan, calibrate_on=open_corpora([f"strangers={others}"]))
    trained = train(corpora, plan, encoder=FakeEncoder(), watch=moments.append)

    assert check_head(trained.folder) == ()
    head, card = load_head(trained.folder), trained.card
    assert head.members["global"] is head.members["speaker"]
    assert replace(head.card, recipe={}) == replace(card, recipe={})
    assert (card.min_speaker_segments, card.prior_segments) == (2, 1.0)
    assert card.calibrated_on.en == "corpora that were left out: strangers"
    assert card.moving is not None
    assert card.farthest > 0
    assert [credit.name for credit in card.corpora] == ["hums", "made"]
    assert {(one.protocol, one.corpus, one.n_speakers) for one in card.results} == {
        ("loso", "hums", 4),
        ("cross", "strangers", 4),
    }
    reasons = [one.en for one in trained.warnings if "for training only" in one.en]
    assert len(reasons) == 1
    stages = [moment.stage for moment in moments]
    assert sorted(set(stages), key=stages.index) == [
        "features",
        "measuring",
        "fitting",
        "calibrating",
        "writing",
    ]
    fractions = [moment.fraction for moment in moments if moment.stage != "features"]
    assert fractions == sorted(fractions)
    # every network has gone over the rows once more at each of these, and there is one fit, not one a mode
    assert [moment.epoch for moment in moments if moment.stage == "fitting"] == [*range(1, 11)]


def test_the_same_seed_gives_the_same_head(
    corpus_folder: Path, plan: TrainingPlan, tmp_path: Path
) -> None:
    corpora = open_corpora([f"hums={corpus_folder}"])
    cache = FeatureCache(tmp_path / "features.sqlite")
    one = train(corpora, plan, encoder=FakeEncoder(), cache=cache)
    two = train(
        corpora, replace(plan, heads_dir=tmp_path / "again"), encoder=FakeEncoder(), cache=cache
    )
    other = train(
        corpora,
        replace(plan, heads_dir=tmp_path / "other", seed=5),
        encoder=FakeEncoder(),
        cache=cache,
    )
    weights = [load_head(made.folder).members["global"][0].w1 for made in (one, two, other)]
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])
    assert one.card.results == two.card.results


def test_stopped_in_the_middle_the_best_so_far_is_kept(
    corpus_folder: Path, plan: TrainingPlan
) -> None:
    stopped = False

    def watch(moment: ProgressEvent) -> None:
        nonlocal stopped
        stopped = stopped or (moment.stage == "measuring" and moment.held_out_uar is not None)

    corpora = open_corpora([f"hums={corpus_folder}"])
    trained = train(corpora, plan, encoder=FakeEncoder(), watch=watch, cancelled=lambda: stopped)
    assert check_head(trained.folder) is not None
    assert any("stopped early" in warning.en for warning in trained.warnings)
    assert all(result.n_speakers < 4 for result in trained.card.results)
    assert all("stopped early" in result.note for result in trained.card.results)
    assert set(load_head(trained.folder).members) == {"global", "speaker"}  # fitted to the end
    assert trained.card.note is None


def test_stopped_during_the_last_fit_the_head_says_so(
    corpus_folder: Path, plan: TrainingPlan
) -> None:
    stages: list[str] = []
    corpora = open_corpora([f"hums={corpus_folder}"])
    trained = train(
        corpora,
        plan,
        encoder=FakeEncoder(),
        watch=lambda moment: stages.append(moment.stage),
        cancelled=lambda: "fitting" in stages,
    )
    assert all(result.n_speakers == 4 for result in trained.card.results)
    assert "hears less well" in trained.card.note.en
    assert any("hears less well" in warning.en for warning in trained.warnings)


def test_stopped_before_anything_was_measured_there_is_no_head(
    corpus_folder: Path, plan: TrainingPlan
) -> None:
    corpora = open_corpora([f"hums={corpus_folder}"])
    with pytest.raises(CorpusError, match="stopped before") as caught:
        train(corpora, plan, encoder=FakeEncoder(), cancelled=lambda: True)
    assert caught.value.zh is not None
    assert list(plan.heads_dir.glob("*")) == []


def test_a_head_that_is_there_is_replaced_only_when_asked(
    corpus_folder: Path, plan: TrainingPlan
) -> None:
    corpora = open_corpora([f"hums={corpus_folder}"])
    train(corpora, plan, encoder=FakeEncoder())
    with pytest.raises(HeadError, match="is there already"):
        train(corpora, plan, encoder=FakeEncoder())
    train(corpora, replace(plan, replace=True, seed=9), encoder=FakeEncoder())
    assert load_head(plan.heads_dir / "hums").card.recipe["seed"] == 9
    assert [path.name for path in plan.heads_dir.iterdir()] == ["hums"]


def test_two_trainings_of_one_head_at_once(corpus_folder: Path, plan: TrainingPlan) -> None:
    corpora = open_corpora([f"hums={corpus_folder}"])
    with (
        reserved(plan.heads_dir, "hums", replace=False),
        pytest.raises(HeadError, match="another process is training or adding") as caught,
    ):
        train(corpora, plan, encoder=FakeEncoder())
    assert caught.value.zh is not None
    train(corpora, plan, encoder=FakeEncoder())  # the first has gone, so the place is free


@pytest.mark.parametrize("head_id", ["../up", "Groß", "a b", "-a", ""])
def test_an_id_that_is_no_name_is_refused(
    head_id: str, corpus_folder: Path, plan: TrainingPlan
) -> None:
    with pytest.raises(HeadError, match="cannot be the id"):
        train(
            open_corpora([f"hums={corpus_folder}"]),
            replace(plan, head_id=head_id),
            encoder=FakeEncoder(),
        )


def test_a_full_disk_leaves_the_old_head(
    corpus_folder: Path, plan: TrainingPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpora = open_corpora([f"hums={corpus_folder}"])
    train(corpora, plan, encoder=FakeEncoder())
    before = {path.name: path.read_bytes() for path in (plan.heads_dir / "hums").iterdir()}

    def full(*arguments: object, **named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="the disk is full"):
        train(corpora, replace(plan, replace=True, seed=3), encoder=FakeEncoder())
    assert {path.name: path.read_bytes() for path in (plan.heads_dir / "hums").iterdir()} == before
    assert [path.name for path in plan.heads_dir.iterdir()] == ["hums"]


def test_labels_can_be_chosen(corpus_folder: Path, plan: TrainingPlan) -> None:
    trained = train(
        open_corpora([f"hums={corpus_folder}"]),
        replace(plan, labels=("angry", "sad"), title=Sentence("mine", "我的")),
        encoder=FakeEncoder(),
    )
    assert trained.card.labels == ("angry", "sad")
    assert trained.card.title.zh == "我的"


# --- several encoders ------------------------------------------------------------------------------


class _Noise(FakeEncoder):
    """An encoder that hears nothing: its numbers have nothing to do with the audio."""

    id = "noise"
    fingerprint = "noise-1"

    def encode(self, audios):
        rows = [
            np.random.default_rng(int(1e6 * abs(float(audio.samples[50])))).normal(size=self.dim)
            for audio in audios
        ]
        return np.array(rows, np.float32)


def test_several_encoders_without_gain_make_no_head(
    corpus_folder: Path, plan: TrainingPlan
) -> None:
    fused = FusedEncoder((FakeEncoder(), _Noise()))
    corpora = open_corpora([f"hums={corpus_folder}"])
    with pytest.raises(HeadError, match=r"fake\+noise gains nothing that is certain over fake"):
        train(corpora, plan, encoder=fused)
    assert not (plan.heads_dir / "hums").exists()

    trained = train(corpora, replace(plan, even_without_gain=True), encoder=fused)
    found = trained.card.recipe["several encoders"]
    assert found["over"] == "fake"
    assert set(found["uar, mean over modes"]) == {"fake", "noise", "joint", "ensemble"}
    assert load_head(trained.folder).card.encoder.dim == 40


def _some_data(dim: int = 6) -> LabelledEmbeddings:
    rng = np.random.default_rng(1)
    labels = np.array(["a", "b", "c"] * 20)
    centres = {"a": 0.0, "b": 2.0, "c": 4.0}
    embeddings = rng.normal(size=(60, dim)) + np.array([[centres[x]] for x in labels])
    return LabelledEmbeddings(
        embeddings.astype(np.float32),
        labels,
        np.repeat(["x", "y", "z"], 20),
        np.full(60, ""),
        {"louder": (embeddings * 1.1).astype(np.float32)},
    )


def test_an_ensemble_in_one_file_is_the_mean_of_its_parts() -> None:
    data = _some_data()
    recipe = Recipe(n_epochs=3, n_members=2)
    parts = [fit_head(columns(data, *span), recipe=recipe) for span in ((0, 2), (2, 6))]
    whole = pad_together(parts)
    for mode in ("global", "speaker"):
        mean = (
            parts[0].logits(data.embeddings[:, :2], mode=mode)
            + parts[1].logits(data.embeddings[:, 2:], mode=mode)
        ) / 2
        assert np.allclose(whole.logits(data.embeddings, mode=mode), mean, atol=1e-5)


def test_columns_takes_the_copies_too() -> None:
    part = columns(_some_data(), 1, 3)
    assert part.embeddings.shape == (60, 2)
    assert part.copies["louder"].shape == (60, 2)


def test_averaged_predictions() -> None:
    def held_out(value: float) -> HeldOut:
        logits = np.full((4, 2), value)
        return HeldOut(("a", "b"), np.zeros(4, int), np.array(list("wxyz")), {"global": logits}, {})

    assert np.allclose(average([held_out(1.0), held_out(3.0)]).logits["global"], 2.0)


# --- the command -----------------------------------------------------------------------------------


def test_the_command_trains_a_head_that_hears(corpus_folder: Path, tmp_path: Path) -> None:
    from gpt_sovits_emotion.cli import command

    arguments = ["train", "--corpus", f"hums={corpus_folder}", "--id", "mine", "--jobs", "1"]
    arguments += ["--heads-dir", str(tmp_path / "heads"), "--cache", str(tmp_path / "f.sqlite")]
    result = CliRunner().invoke(command, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    card = json.loads(result.stdout)
    assert card["id"] == "mine"
    assert card["encoder"]["fingerprint"] == ProsodyEncoder().fingerprint
    assert card["recipe"]["command"] == (
        "gpt-sovits-emotion train --corpus hums=DIR --encoder prosody"
    )
    assert "angry" in result.stderr  # what was written -> what it is taken for
    assert load_head(tmp_path / "heads" / "mine").card.results


def test_the_command_wants_something_to_train_on() -> None:
    from gpt_sovits_emotion.cli import command

    result = CliRunner().invoke(command, ["train"])
    assert result.exit_code == 2
    assert "name what to train on" in result.stderr


def test_a_recipe_takes_no_other_corpora(corpus_folder: Path) -> None:
    from gpt_sovits_emotion.cli import command

    arguments = ["train", "--recipe", "emodb", "--corpus", f"hums={corpus_folder}"]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert "is trained on emodb, not on hums" in result.stderr


def test_an_unknown_recipe() -> None:
    from gpt_sovits_emotion.cli import command

    result = CliRunner().invoke(command, ["train", "--recipe", "nothing"])
    assert isinstance(result.exception, CorpusError)
    assert "emodb, multi-nc" in str(result.exception)
