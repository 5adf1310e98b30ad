"""The blocks of code that stand in the documents, and a workshop in which they can be run."""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import REPOSITORY

PROGRAM = "gpt-sovits-emotion"
DOCUMENTS = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for path in (*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md"))
    if path.name != "CHANGELOG.md" and not path.name.startswith("tutorial")
)
"""Every page but those that `test_tutorial` follows from beginning to end."""

_FENCED = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_INDENTED = re.compile(r"(?<=\n\n)(?:(?: {4}.*)?\n)+")
_SAMPLES = REPOSITORY / "gpt_sovits_emotion" / "sample_data"


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        document: Where it stands.
        kind: ``python``, ``sh``, ``yaml``, …; what is only indented is told by its first words.
        code: It, without its indentation.
    """

    document: str
    kind: str
    code: str


def blocks(document: str) -> Iterator[Block]:
    """Yield the blocks of a document in order, those that tell of no language as ``text``."""
    written = (REPOSITORY / document).read_text(encoding="utf-8")
    found = [(match.start(), match[1], match[2]) for match in _FENCED.finditer(written)]
    outside = _FENCED.sub(lambda match: "\n" * match[0].count("\n"), written)
    for match in _INDENTED.finditer(outside):
        # Shell lines and Python may stand in one block, with an empty line between them.
        for part in re.split(r"\n\s*\n(?=    (?:from|import|gpt-sovits-emotion) )", match[0]):
            code = textwrap.dedent(part).strip("\n") + "\n"
            kind = "text"
            if re.match(r"(from|import) \w+", code):
                kind = "python"
            elif code.startswith((PROGRAM, "python -m", "tests/", ".ci/")):
                kind = "sh"
            if code.strip():
                found.append((match.start(), kind, code))
    for _, kind, code in sorted(found, key=lambda one: one[0]):
        yield Block(document, kind, _joined(code))


def commands(document: str) -> list[str]:
    """Return every line of a document that runs our program, as it stands there, without its comment."""
    lines = []
    for block in blocks(document):
        if block.kind != "sh":
            continue
        for line in block.code.splitlines():
            shown = re.split(r"\s{2,}(?:#|[a-z])|\s+#", line)[0].strip()
            shown = shown.rpartition(" && ")[2].replace(".venv/bin/", "")
            if shown.startswith(PROGRAM + " "):
                lines.append(shown)
    return lines


def words_of(line: str, folder: Path) -> list[str]:
    """Return a line's arguments as a shell in a folder would hand them on."""
    words: list[str] = []
    for word in shlex.split(line)[1:]:
        matching = sorted(folder.glob(word)) if "*" in word else []
        words += [path.name for path in matching] or [word]
    return words


def transcribe_once(monkeypatch: pytest.MonkeyPatch, heard: dict[tuple[str, str], object]) -> None:
    """Let Whisper hear the same audio with the same options once: the documents name few recordings, often.

    Args:
        heard: What it has heard so far; kept by the caller.
    """
    from gpt_sovits_emotion import transcription

    transcribe = transcription.transcribe

    def once(recording, options, **more):
        samples = recording.read(0.0, recording.duration_s).samples
        key = hashlib.sha256(samples.tobytes()).hexdigest(), repr(options)
        if key not in heard:
            heard[key] = transcribe(recording, options, **more)
        return heard[key]

    monkeypatch.setattr(transcription, "transcribe", once)


def furnish(folder: Path) -> None:
    """Put what the documents name into a folder: recordings, a film, voices, lists."""
    import numpy as np

    from gpt_sovits_emotion.audio import open_recording, write_wav
    from gpt_sovits_emotion.core.records import Audio

    with open_recording(_SAMPLES / "sample_en.flac") as recording:
        audio = recording.read(0.0, 9.2)
    for name in ("talk.wav", "clip.wav", "talk.m4a", "film.mp4"):
        write_wav(folder / "written.wav", audio)
        (folder / "written.wav").rename(folder / name)  # what it is stands in its first bytes
    said = "The meeting has been moved."
    (folder / "clip.srt").write_text(f"1\n00:00:00,400 --> 00:00:04,700\n{said}\n")
    for voice in ("my-voice", "voices/anna", "GPT-SoVITS/logs/anna", "logs/anna", "clips", "BANK"):
        for emotion in ("angry", "happy", "sad"):
            (folder / voice / emotion).mkdir(parents=True)
            for name, language in (("3", "en"), ("4", "zh")):
                clip = _SAMPLES / "voice_bank" / emotion / f"{language}.flac"
                shutil.copy(clip, folder / voice / emotion / f"{name}.wav")
                words = {"en": "What is said here.", "zh": "这里说的话。"}[language]
                (folder / voice / emotion / f"{name}.lab").write_text(words, encoding="utf-8")
    shutil.copytree(folder / "clips", folder / "anna-labelled")
    (folder / "lines.txt").write_text("[happy] What a day!\n", encoding="utf-8")
    corpus = folder / "recordings"
    corpus.mkdir()
    rows = ["path,speaker,emotion,language,text"]
    noise = np.random.default_rng(0)
    for speaker in ("ann", "ben", "cleo"):
        for emotion in ("angry", "happy", "neutral", "sad"):
            name = f"{speaker}-{emotion}.wav"
            samples = noise.normal(0, 0.1, 16_000).astype(np.float32)
            write_wav(corpus / name, Audio(samples, 16_000))
            rows.append(f"{name},{speaker},{emotion},en,text")
    (corpus / "manifest.csv").write_text("\n".join(rows) + "\n")
    shutil.copytree(corpus, folder / "corpora" / "emodb")


def _joined(code: str) -> str:
    return re.sub(r"\\\n\s*", "", code)
