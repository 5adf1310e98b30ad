"""The package of docs/extending.md, built, installed beside ours and used by its names."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from conftest import REPOSITORY, voiced
from snippets import blocks, words_of
from test_cli import run

from gpt_sovits_emotion.audio import write_wav
from gpt_sovits_emotion.banks import load_bank
from gpt_sovits_emotion.core import registry
from gpt_sovits_emotion.core.records import Audio
from gpt_sovits_emotion.encoders import open_encoder
from gpt_sovits_emotion.heads import load_head
from gpt_sovits_emotion.testing import check_head
from gpt_sovits_emotion.transcripts import read_transcript

EXAMPLE = REPOSITORY / "examples" / "extending"
PAGE = "docs/extending.md"


def shown(kind: str) -> list[str]:
    return [block.code for block in blocks(PAGE) if block.kind == kind]


def test_the_page_shows_the_package_whole() -> None:
    page = (REPOSITORY / PAGE).read_text(encoding="utf-8")
    for name in ("pyproject.toml", "gse_toys.py", "test_gse_toys.py"):
        written = (EXAMPLE / name).read_text(encoding="utf-8")
        kind = "toml" if name.endswith(".toml") else "python"
        assert f"```{kind}\n{written}```" in page
    named = set(
        re.findall(r"gpt_sovits_emotion\.(\w+)\"\]", (EXAMPLE / "pyproject.toml").read_text())
    )
    assert named == set(registry.GROUPS)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Build the wheel, and install it into a folder that is on the path."""
    folder = tmp_path_factory.mktemp("extending")
    shutil.copytree(EXAMPLE, folder / "source")
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    wheel = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder)]
    subprocess.run([*wheel, str(folder / "source")], check=True)
    (built,) = folder.glob("*.whl")
    target = folder / "site"
    install = [*pip, "install", "--no-deps", "--no-index", "--target", str(target), str(built)]
    subprocess.run(install, check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(target))
        registry.forget()
        yield target
    registry.forget()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the page's commands name."""
    folder = tmp_path_factory.mktemp("place")
    write_wav(folder / "talk.wav", Audio(voiced(3.0), 16_000))
    for number, emotion in enumerate(("happy", "sad", "neutral")):
        clip = Audio(voiced(3.5, f0_hz=110 + 25 * number), 16_000)
        write_wav(folder / "my-voice" / emotion / "one.wav", clip)
        (folder / "my-voice" / emotion / "one.lab").write_text(f"words {number}")
    for speaker in range(3):
        for number in range(9):
            emotion, f0_hz = (("angry", 220), ("sad", 110), ("neutral", 160))[number % 3]
            clip = voiced(0.6, f0_hz=f0_hz + 4 * speaker + number, level=0.05 + f0_hz / 2000)
            write_wav(folder / "toys" / f"s{speaker}-{emotion}-{number}.wav", Audio(clip, 16_000))
    return folder


def test_its_own_tests_pass(site: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(site)])}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_gse_toys.py"],
        capture_output=True,
        text=True,
        check=False,
        cwd=site.parent / "source",
        env=environment,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_the_pages_commands_run(
    capsys, site: Path, place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (block,) = shown("console")
    said = {}
    for line in block.splitlines():
        words = words_of(line, place)
        words += (
            ["--jobs", "1"] if words[0] == "train" else []
        )  # another process costs more than it saves
        code, out, err = run(capsys, *words)
        assert code == 0, f"{line}: {err}"
        said[line.split()[1]] = out
    assert re.search(r"^  bands +gse-toys 1\.0 +gse_toys:Bands$", said["plugins"], re.MULTILINE)
    assert "toys: Toys, 27 clips of 3 speakers, in en" in said["corpora"]
    # a head on its encoder, sound and used
    folder = tmp_path / "data" / "gpt-sovits-emotion" / "heads" / "my-bands"
    check_head(folder)
    card = load_head(folder).card
    assert (card.encoder.id, card.encoder.dim) == ("bands:8", 16)
    assert card.encoder.fingerprint == open_encoder("bands:8", None).fingerprint
    assert card.corpora[0].name == "Toys"
    # its transcriber's words in its format, read again
    written = place / "tagged" / "talk.md"
    assert written.read_text().startswith("| start | end | emotion | words |")
    assert read_transcript(written).segments[0].text == "sound 1"
    _, rate_hz = soundfile.read(place / "said" / "after.wav")
    assert rate_hz == 24_000
    bank = load_bank(place / "my-sheet")
    assert (bank.layout, len(bank.usable)) == ("sheet", 3)
    assert "(sheet, 3 of 3 usable)" in said["refs"]
    # without the package, what needs it says so
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(site)])
    registry.forget()
    code, _, err = run(capsys, "annotate", "talk.wav", "--head", "my-bands", "--whisper", "none")
    assert code == 1
    assert "'bands:8', which no package here adds; install the one that it came with" in err
    registry.forget()


def test_a_fresh_process_finds_it(site: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(site)])}
    done = subprocess.run(
        [sys.executable, "-m", "gpt_sovits_emotion", "plugins", "--json"],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    added = [each for each in json.loads(done.stdout)["plugins"] if not each["is_ours"]]
    assert {(each["package"], each["problem"]) for each in added} == {("gse-toys", "")}
    assert {each["group"] for each in added} == set(registry.GROUPS)
