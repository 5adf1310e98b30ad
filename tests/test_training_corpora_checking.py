"""What is wrong with corpora is found before training, and said; and the command that shows it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from gpt_sovits_emotion.audio import write_wav
from gpt_sovits_emotion.cli.corpora import corpora as command
from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.records import Audio
from gpt_sovits_emotion.training.corpora import check, open_corpora, read_corpus

RATE_HZ = 16_000


def tone(path: Path, f0_hz: float, duration_s: float = 0.5) -> Path:
    t = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    path.parent.mkdir(parents=True, exist_ok=True)
    write_wav(path, Audio((0.2 * np.sin(2 * np.pi * f0_hz * t)).astype(np.float32), RATE_HZ))
    return path


def corpus_of(
    root: Path, emotions=("happy", "sad"), speakers=("ann", "bob"), *, n_clips=10, f0_hz=100.0
) -> Path:
    """Every clip has a pitch, and so a content, of its own."""
    for speaker in speakers:
        for emotion in emotions:
            for number in range(n_clips):
                f0_hz += 3.0
                tone(root / speaker / emotion / f"{number}.wav", f0_hz)
    return root


def warnings_of(*roots: Path | str, labels=None) -> list[str]:
    found = check(open_corpora([str(root) for root in roots]), labels)
    assert all(warning.zh for warning in found)
    return [warning.en for warning in found]


def test_a_sound_corpus_has_no_warnings(tmp_path):
    told: list[float] = []
    corpus = read_corpus(corpus_of(tmp_path))
    assert check([corpus], None, progress=lambda done, doing: told.append(done)) == ()
    assert told == sorted(told)
    assert told[-1] == 1.0


@pytest.mark.parametrize(
    ("emotions", "speakers", "labels", "message"),
    [
        (("happy", "sad"), ("ann",), None, r"all 4 clips are of one speaker \(c/ann\)"),
        (("happy",), ("ann", "bob"), None, "all 4 clips are labelled happy; a head tells at least two"),
        (("happy", "sad"), ("ann", "bob"), ["sad"], "all 4 clips are labelled sad"),
        (("happy", "sad"), ("ann", "bob"), ["sad", "bored"], "no clip is labelled bored; the corpora"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_on_is_refused(tmp_path, emotions, speakers, labels, message):
    root = corpus_of(tmp_path / "c", emotions, speakers, n_clips=2)
    with pytest.raises(CorpusError, match=message) as caught:
        check([read_corpus(root)], labels)
    assert caught.value.zh


def test_the_same_audio_under_two_speakers_is_leakage(tmp_path):
    root = corpus_of(tmp_path)
    shutil.copyfile(root / "ann/happy/0.wav", root / "bob/happy/0.wav")
    (said,) = warnings_of(root)
    assert said.startswith("leakage: 1 recording lies there under more than one speaker")
    assert "ann/happy/0.wav" in said
    assert "bob/happy/0.wav" in said


def test_leakage_between_corpora_is_found(tmp_path):
    one = corpus_of(tmp_path / "one")
    other = corpus_of(tmp_path / "other", speakers=("eve", "dan"), f0_hz=500.0)
    shutil.copyfile(one / "ann/sad/3.wav", other / "eve/sad/3.wav")
    (said,) = warnings_of(one, other)
    assert "(one/ann)" in said
    assert "(other/eve)" in said


def test_one_recording_with_two_labels_and_plain_copies_are_told_apart(tmp_path):
    root = corpus_of(tmp_path)
    shutil.copyfile(root / "ann/happy/0.wav", root / "ann/sad/0.wav")
    shutil.copyfile(root / "bob/sad/1.wav", root / "bob/sad/copy.wav")
    contradiction, copies = warnings_of(root)
    assert contradiction.startswith("1 recording carries more than one label")
    assert copies.startswith("1 clip is a copy of others of the same speaker and label")


def test_a_few_unreadable_clips_are_skipped_and_many_refused(tmp_path):
    root = corpus_of(tmp_path, n_clips=15)
    (root / "ann/happy/empty.wav").write_bytes(b"")
    (root / "ann/happy/noise.wav").write_bytes(b"no audio at all" * 100)
    tone(root / "bob/sad/short.wav", 220.0, duration_s=0.05)
    (said,) = warnings_of(root)
    assert said.startswith("3 of 63 clips cannot be read and will be skipped, first ")
    for number in range(10):
        (root / f"ann/sad/{number}.wav").write_bytes(b"")
    with pytest.raises(CorpusError, match="13 of 63 clips cannot be read"):
        check([read_corpus(root)], None)


def test_a_file_that_went_since_it_was_listed_is_unreadable(tmp_path):
    corpus = read_corpus(corpus_of(tmp_path, n_clips=15))
    corpus.clips[0].path.unlink()
    (said,) = check([corpus], None)
    assert said.en.startswith("1 of 60 clips cannot be read")


def test_labels_that_are_not_known_are_said(tmp_path):
    # In the second label the first letter is Cyrillic, as a keyboard of the other layout writes it.
    root = corpus_of(tmp_path, ("happy", "傲娇", "\u0430ngry", "злой"))
    said = "\n".join(warnings_of(root))
    assert (
        "the label '傲娇' (20 clips) is no emotion that is known here, and stays a class of its own (Cjk"
        in said
    )
    assert "it looks like 'angry' but has letters of another alphabet: correct it" in said
    assert "(Cyrillic letters)" in said


def test_full_width_labels_are_plain_ones(tmp_path):
    assert read_corpus(corpus_of(tmp_path, ("ｈａｐｐｙ", "sad"))).emotions == ("happy", "sad")


def test_rare_classes_and_lonely_ones_are_said(tmp_path):
    root = corpus_of(tmp_path)
    for number in range(12):
        tone(root / "ann" / "bored" / f"{number}.wav", 900.0 + number)
    tone(root / "ann" / "calm" / "1.wav", 1000.0)
    said = warnings_of(root)
    assert any(each.startswith("bored is spoken by ") and "/ann only" in each for each in said)
    assert any(each.startswith("calm has 1 clip only") for each in said)
    assert warnings_of(root, labels=["happy", "sad"]) == [
        "13 clips of other labels are left out (bored 12, calm 1)"
    ]


def test_labels_of_one_corpus_only_are_said(tmp_path):
    one = corpus_of(tmp_path / "one", ("happy", "sad", "bored"))
    other = corpus_of(tmp_path / "other", f0_hz=700.0)
    (said,) = warnings_of(one, other)
    assert said.startswith("some labels occur in one corpus only, bored (one)")


def test_a_corpus_that_lacks_classes_is_said_and_used(tmp_path):
    full = corpus_of(tmp_path / "full", ("angry", "happy", "sad", "neutral"))
    part = corpus_of(tmp_path / "part", ("happy", "sad"), f0_hz=700.0)
    (said,) = warnings_of(full, part, labels=None)[:1]
    assert said == (
        "part has 2 of the 4 classes (happy, sad): its speakers' means are means of these alone; it is used "
        "for training, and scored on the classes that it has"
    )
    assert not [
        each
        for each in warnings_of(full, part, labels=["angry", "happy", "sad"])
        if "classes" in each
    ]
    assert warnings_of(full, part, labels=["angry", "neutral"])[1] == (
        "part has none of these labels, so none of its clips is used"
    )


def test_a_corpus_to_train_on_only_is_said_and_used(tmp_path):
    made = corpus_of(tmp_path / "made", ("happy", "sad"))
    (made / "corpus.yaml").write_text("synthetic: true\n")
    other = corpus_of(tmp_path / "other", ("happy", "sad", "calm", "bored"), f0_hz=700.0)
    said = warnings_of(made, other)
    assert said[0] == (
        "made is for training only, never a test set: its clips are outputs of a speech synthesis"
    )
    assert said[1].endswith("means of these alone; it is used for training")


def test_a_synthesis_beside_the_recordings_it_learned_from_is_said(tmp_path):
    made = corpus_of(tmp_path / "marco-voice")
    source = corpus_of(tmp_path / "own", f0_hz=700.0)
    said = warnings_of(f"marco-voice={made}", f"csem={source}")
    assert not [each for each in said if "synthesised" in each]
    manifest = ["path,speaker,emotion"] + [
        f"{path.relative_to(source)},{path.parent.parent.name},{path.parent.name}"
        for path in sorted(source.rglob("*.wav"))
    ]
    (source / "manifest.csv").write_text("\n".join(manifest))
    said = warnings_of(f"marco-voice={made}", f"csemotions={source}")
    assert said[1].startswith(
        "marco-voice was synthesised from recordings of csemotions: a head that"
    )


def test_speakers_of_one_mood_are_said(tmp_path):
    for number, speaker in enumerate(("ann", "bob", "eve", "dan")):
        corpus_of(
            tmp_path, ("happy", "sad")[number % 2 :][:1], (speaker,), f0_hz=100.0 + 90 * number
        )
    (said,) = warnings_of(tmp_path)
    assert said.startswith("4 of 4 speakers have one emotion only")


@pytest.mark.corpus
def test_genuine_emodb_is_sound(corpora_dir):
    assert check([read_corpus(corpora_dir / "emodb")], None) == ()


@pytest.mark.corpus
def test_genuine_crema_d_and_marco_voice_go_with_emodb(corpora_dir):
    names = ("emodb", "crema_d", "marco_voice")
    if not all((corpora_dir / name).is_dir() for name in names):
        pytest.skip("no CREMA-D or no Marco-Voice there")
    corpora = open_corpora([str(corpora_dir / name) for name in names])
    assert [corpus.info.id for corpus in corpora] == ["emodb", "crema-d", "marco-voice"]
    said = [warning.en for warning in check(corpora, None)]
    assert said[0].startswith("marco_voice is for training only, never a test set")
    assert said[1].startswith("crema_d has 2 of the 8 classes (happy, sad)")
    assert len(said) == 3


# --- the commands ------------------------------------------------------------------------------------


@pytest.fixture
def run(capsys):
    """Run a command; return what went to stdout and to stderr."""

    def run_command(*arguments: str):
        command.main(list(arguments), standalone_mode=False)
        return capsys.readouterr()

    return run_command


def test_list_names_every_known_corpus(run):
    shown = run("list").out
    assert "corpora get emodb" in shown
    assert "CC BY-NC-SA 4.0" in shown
    rows = json.loads(run("list", "--json").out)
    assert {row["id"]: row["can_be_fetched"] for row in rows}["iemocap"] is False
    assert len(rows) == 12
    assert [row["id"] for row in rows if row["train_only"]] == ["marco-voice"]


def test_show_prints_labels_licence_and_warnings(run, tmp_path):
    root = corpus_of(tmp_path / "own", ("开心", "sad", "傲娇"))
    result = run("show", f"studio={root}", "--labels", "happy, sad")
    assert "studio: studio, 60 clips of 2 speakers" in result.out
    assert "licence  unknown: " in result.out
    assert "开心        -> happy               20         2" in result.out
    assert "left out" in result.out
    assert "warning: 20 clips of other labels are left out" in result.err
    told = json.loads(run("show", f"studio={root}", "--json").out)
    assert told["corpora"][0]["info"]["id"] == "studio"
    assert {row["written"]: row["emotion"] for row in told["labels"]}["开心"] == "happy"
    assert told["warnings"][0]["zh"]


def test_show_prints_the_table_before_it_refuses(run, capsys, tmp_path):
    root = corpus_of(tmp_path / "own", ("happy",), n_clips=1)
    with pytest.raises(CorpusError, match="all 2 clips are labelled happy"):
        run("show", str(root))
    assert "-> happy" in capsys.readouterr().out


def test_get_says_what_must_be_asked_for(run, tmp_path):
    with pytest.raises(
        CorpusError, match=r"IEMOCAP must be asked for at https://sail\.usc\.edu/iemocap/"
    ):
        run("get", "iemocap", "--to", str(tmp_path))
    with pytest.raises(
        CorpusError, match="there is no corpus 'nope' here; emodb, ravdess, nemo can be fetched"
    ):
        run("get", "nope", "--to", str(tmp_path))
