"""What several processes change at once: nobody's change is lost, and who cannot have it is told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from bilingual import check_says_the_same
from conftest import REPOSITORY, voiced

from gpt_sovits_emotion.audio import write_wav
from gpt_sovits_emotion.banks import load_bank
from gpt_sovits_emotion.banks.building.journal import only_build
from gpt_sovits_emotion.core.errors import HeadError, OutputError
from gpt_sovits_emotion.core.locking import lock_beside, locked
from gpt_sovits_emotion.core.records import Audio
from gpt_sovits_emotion.heads import load_head
from gpt_sovits_emotion.heads.files import save_head
from gpt_sovits_emotion.heads.install import add_head, claimed
from gpt_sovits_emotion.heads.profiles import load_profile
from gpt_sovits_emotion.testing import fake_card, fake_tensors, make_fake_head
from gpt_sovits_emotion.training.corpora import read_corpus

N_AT_ONCE = 6


def at_once(commands: list[list[object]], **environment: str) -> list[tuple[int, str]]:
    """Run the command line several times at once; return exit codes and what was said."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "gpt_sovits_emotion", *(str(word) for word in command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": str(REPOSITORY),
                "OMP_NUM_THREADS": "1",
                **environment,
            },
        )
        for command in commands
    ]
    said = [process.communicate()[0] for process in processes]
    return [(process.returncode, text) for process, text in zip(processes, said, strict=True)]


def test_pins_of_several_processes_are_all_kept(tmp_path: Path) -> None:
    labels = ("angry", "happy", "sad", "neutral", "fearful", "bored")
    for number, label in enumerate(labels):
        clip = Audio(voiced(3.5, f0_hz=100 + 20 * number), 16_000)
        write_wav(tmp_path / "bank" / label / "one.wav", clip)
    outcomes = at_once(
        [["refs", "pin", tmp_path / "bank", one, f"{one}/one.wav"] for one in labels]
    )
    assert [code for code, _ in outcomes] == [0] * len(labels), outcomes
    assert set(load_bank(tmp_path / "bank").pins) == set(labels)
    outcomes = at_once([["refs", "pin", tmp_path / "bank", one, "--clear"] for one in labels[:4]])
    assert [code for code, _ in outcomes] == [0] * 4, outcomes
    assert set(load_bank(tmp_path / "bank").pins) == set(labels[4:])


def test_what_several_processes_learn_of_a_speaker_is_all_kept(tmp_path: Path, monkeypatch) -> None:
    commands: list[list[object]] = []
    for process in range(4):
        folder = tmp_path / f"clips{process}"
        for number in range(5):
            clip = Audio(voiced(1.5, f0_hz=90 + 11 * (5 * process + number)), 16_000)
            write_wav(folder / f"{process}-{number}.wav", clip)
        commands.append(["adapt", folder, "--speaker", "ann", "--head", "prosody-emodb"])
    outcomes = at_once(commands, XDG_DATA_HOME=str(tmp_path / "data"))
    assert [code for code, _ in outcomes] == [0] * 4, outcomes
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    head = load_head(REPOSITORY / "pretrained_heads" / "prosody-emodb")
    profile = load_profile(head, "ann")
    assert profile is not None
    assert profile.n_unlabelled == 20


def test_one_of_two_heads_of_one_id_is_refused(tmp_path: Path) -> None:
    for number in range(N_AT_ONCE):
        card = replace(fake_card(), licence=f"CC0, no. {number}")
        save_head(tmp_path / str(number) / "fake-head", card, fake_tensors())
    into = tmp_path / "heads"
    outcomes = at_once(
        [
            ["heads", "add", tmp_path / str(n) / "fake-head", "--heads-dir", into]
            for n in range(N_AT_ONCE)
        ]
    )
    assert sorted(code for code, _ in outcomes) == [0, *[1] * (N_AT_ONCE - 1)], outcomes
    assert sum("is there already" in text for _, text in outcomes) == N_AT_ONCE - 1
    assert [path.name for path in into.iterdir()] == ["fake-head"]


def test_a_head_that_is_being_trained_is_not_added_meanwhile(tmp_path: Path) -> None:
    source = make_fake_head(tmp_path / "source" / "fake-head")
    into = tmp_path / "heads"
    with claimed(into, "fake-head"), pytest.raises(HeadError, match="at this moment") as caught:
        add_head(source, folders=[into], into=into)
    check_says_the_same(caught.value)
    assert list(into.iterdir()) == []
    assert add_head(source, folders=[into], into=into)[0] == into / "fake-head"


def test_a_lock_waits_and_then_says_who_is_in_the_way(tmp_path: Path) -> None:
    lock = lock_beside(tmp_path / "file.json")
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(lock):
            held.set()
            let_go.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    with (
        pytest.raises(OutputError, match="another process") as caught,
        locked(lock, patience_s=0.1),
    ):
        pass
    check_says_the_same(caught.value)
    threading.Timer(0.2, let_go.set).start()
    with locked(lock):
        assert let_go.is_set()
    thread.join()


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom gpt_sovits_emotion.core.locking import locked\n"
        "with locked(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(600)\n"
    )
    lock = tmp_path / ".lock"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(lock)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(OutputError), locked(lock, patience_s=0):
            pass
        process.kill()
        process.wait()
    with locked(lock, patience_s=0):
        pass


def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OutputError, match="nothing can be written") as caught,
        locked(tmp_path / "file" / ".lock"),
    ):
        pass
    check_says_the_same(caught.value)
    # Who holds the lock may know better what is to be done about it.
    with (
        pytest.raises(
            OutputError, match=r"where the bank's sidecar belongs.*copy the clips"
        ) as caught,
        only_build(tmp_path / "file" / "voice.json"),
    ):
        pass
    check_says_the_same(caught.value)


@pytest.mark.corpus
def test_what_two_people_say_of_a_voice_at_once_is_all_learned(
    corpora_dir: Path, tmp_path: Path, monkeypatch
) -> None:
    """Real clips with labels, from which each process learns while the other one waits for it."""
    corpus = read_corpus(corpora_dir / "emodb")
    speaker = next(iter(corpus.speakers))
    head = load_head(REPOSITORY / "pretrained_heads" / "prosody-emodb")
    own = [clip for clip in corpus.clips if clip.speaker == speaker]
    known = [clip for clip in own if clip.emotion in head.card.labels]
    clips = sorted(known, key=lambda clip: clip.emotion)[:24]
    for number, clip in enumerate(clips):
        folder = tmp_path / f"half{number % 2}" / clip.emotion
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(clip.path, folder / clip.path.name)
    outcomes = at_once(
        [
            ["adapt", tmp_path / f"half{half}", "--speaker", "ann", "--head", "prosody-emodb"]
            for half in (0, 1)
        ],
        XDG_DATA_HOME=str(tmp_path / "data"),
    )
    assert [code for code, _ in outcomes] == [0, 0], outcomes
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    profile = load_profile(head, "ann")
    assert profile is not None
    assert Counter(each.label for each in profile.corrections) == Counter(
        clip.emotion for clip in clips
    )
    assert sorted(each.source for each in profile.corrections) == sorted(
        clip.path.name for clip in clips
    )
    assert len({each.batch for each in profile.corrections}) == 2
    assert profile.up_to_date
