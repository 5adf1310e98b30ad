"""What the documents tell people to type: every command is understood, every example runs."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
from pathlib import Path

import click
import numpy as np
import pytest
from snippets import DOCUMENTS, Block, blocks, commands, furnish, transcribe_once, words_of

from gpt_sovits_emotion.cli import command, main

PLACEHOLDERS = re.compile(
    r"\[--|…|\bDIR\b|\bURL\b|\bSOURCE\b|\bPATH\b|\bID\b|\bCLIP\b|\bFOLDER\b|\|"
)
"""What a person fills in: such a line shows a form, and names no file that could be there."""

NOT_RUN = {
    r"^roundtrip": "runs in test_cli.py",
    r"--takes": "says everything several times; test_takes.py does",
    r"^web": "serves until Ctrl-C; test_browser.py works on its page",
    r"^(doctor|launch|install|uninstall) ": "needs a checkout of GPT-SoVITS; tests/host has one",
    r"--(api|checkout) ": "needs a GPT-SoVITS",
    r"^demo": "runs in test_cli.py, and from a wheel in .ci/run",
    r"^(train|evaluate) ": "takes a corpus of people; test_training*.py do it with generated ones",
    r"^corpora (get|unpack|show csemotions)": "fetches a corpus from the network",
    r"^adapt --measure": "takes a corpus of people",
    r"whisper-large": "takes a model that is not installed",
    r"^heads (add|remove)": "takes a head of one's own",
    r"--correction": "takes what was corrected in the tab; test_adapt_cli.py does",
}
"""Commands that are only held against the program's options, by how they begin, and why."""


def reason_not_to_run(line: str) -> str | None:
    arguments = line.partition(" ")[2]
    if PLACEHOLDERS.search(line):
        return "a form to be filled in"
    return next((why for begins, why in NOT_RUN.items() if re.search(begins, arguments)), None)


def understand(arguments: list[str]) -> None:
    """Parse a command's arguments as the program does, and stop before it does anything.

    Raises:
        click.UsageError: It has no such command or option, or not this value for it.
    """
    context: click.Context | None = None
    found: click.Command = command
    while isinstance(found, click.Group):
        name, *arguments = arguments
        # With the program's own settings: click keeps the help option that a command was first asked for.
        context = click.Context(found, info_name=name, parent=context, **found.context_settings)
        inner = found.get_command(context, name)
        if inner is None:
            raise click.UsageError(f"no such command: {name}")
        found = inner
    found.make_context(found.name, list(arguments), parent=context)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("workshop")
    furnish(folder)
    return folder


@pytest.fixture(scope="module")
def heard() -> dict[tuple[str, str], object]:
    return {}


@pytest.fixture
def here(workshop, tmp_path, monkeypatch) -> Path:
    """A fresh copy of the workshop, to work in, with data of its own."""
    folder = shutil.copytree(workshop, tmp_path / "here")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return folder


def test_the_documents_hold_what_is_looked_for():
    kinds = [block.kind for name in DOCUMENTS for block in blocks(name)]
    assert kinds.count("python") == 13
    assert sum(len(commands(name)) for name in DOCUMENTS) >= 80


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_is_one_that_the_program_has(document, here):
    refused = {}
    for line in dict.fromkeys(commands(document)):
        if "[--" in line or "…" in line:
            continue
        try:
            understand(words_of(line, here))
        except click.UsageError as error:
            missing = re.search("does not exist|there is no ", error.format_message())
            if not (missing and reason_not_to_run(line)):
                refused[line] = error.format_message()
    assert refused == {}


@pytest.mark.slow
@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_run(document, here, whisper_base, heard, monkeypatch):
    transcribe_once(monkeypatch, heard)
    failed = {}
    # The Chinese README says what the English one does.
    already = set(commands("README.md")) if document == "README.zh.md" else set()
    for line in dict.fromkeys(commands(document)):
        if line in already or reason_not_to_run(line):
            continue
        said, told = io.StringIO(), io.StringIO()
        code: object = None
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
            try:
                main(words_of(line, here))
            except SystemExit as end:
                code = end.code
        if code != 0:
            failed[line] = f"exit {code}: {told.getvalue().splitlines()[-1:]}"
    assert failed == {}


def python_blocks() -> list[Block]:
    # test_extending.py builds and runs what that page shows
    documents = [name for name in DOCUMENTS if name != "docs/extending.md"]
    return [block for name in documents for block in blocks(name) if block.kind == "python"]


@pytest.mark.slow
@pytest.mark.parametrize("block", python_blocks(), ids=lambda block: block.document)
def test_python_runs(block: Block, here, whisper_base, heard, monkeypatch):
    """What an example takes for granted is there: a transcript, embeddings, labels."""
    transcribe_once(monkeypatch, heard)
    given = {} if "gse.load" in block.code else granted(here, block.code)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(block.code, block.document, "exec"), given)
    if block.document.startswith("README"):
        lines = said.getvalue().splitlines()
        assert len(lines) >= 2
        assert any("wonderful news" in line for line in lines)


def granted(folder: Path, code: str) -> dict[str, object]:
    from gpt_sovits_emotion.audio import open_recording
    from gpt_sovits_emotion.engines import open_engines
    from gpt_sovits_emotion.heads import find_head, head_folders
    from gpt_sovits_emotion.pipeline import annotate
    from gpt_sovits_emotion.testing import make_fake_head
    from gpt_sovits_emotion.transcription import TranscribeOptions

    names: dict[str, object] = {}
    if "transcript" in code and "transcript =" not in code:
        with open_recording(folder / "talk.wav") as recording:
            tagging = annotate(recording, open_engines(), whisper=TranscribeOptions())
        names["transcript"] = tagging.transcript
    if "embeddings" in code:
        head = find_head("prosody-emodb", head_folders())
        noise = np.random.default_rng(0).normal(size=(6, len(head.mean)))
        names["embeddings"] = (head.mean + head.within_speaker_std * noise).astype(np.float32)
        names["labels"] = ["angry", "happy", "neutral", "sad", "angry", "sad"]
    if "my-head" in code:
        make_fake_head(folder / "my-head")
    return names
