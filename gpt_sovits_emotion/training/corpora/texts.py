"""The tables and texts of a corpus, in whatever encoding they were saved, and what was guessed of that."""

from __future__ import annotations

from pathlib import Path

from gpt_sovits_emotion.core.errors import CorpusError, TranscriptError
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.transcripts.decoding import Decoded, read_decoded
from gpt_sovits_emotion.transcripts.encodings import ENCODING_NAMES

__all__ = ["CorpusTexts"]


class CorpusTexts:
    """Reads the texts of one corpus, and remembers which of them were no UTF-8."""

    def __init__(self) -> None:
        self._guessed: list[tuple[Path, Decoded]] = []

    def read(self, path: Path) -> str:
        """Return the text of a file.

        Raises:
            CorpusError: It cannot be read, or is no text in an encoding that is known.
        """
        try:
            found = read_decoded(path)
        except TranscriptError as error:
            raise CorpusError(str(error), zh=error.zh) from error
        if found.note is not None:
            self._guessed.append((path, found))
        return found.joined

    @property
    def notes(self) -> tuple[Sentence, ...]:
        """What was guessed, in one sentence however many files it is true of."""
        if not self._guessed:
            return ()
        first, found = self._guessed[0]
        if len(self._guessed) == 1:
            assert found.note is not None
            return (found.note,)
        names = dict.fromkeys(ENCODING_NAMES[each.encoding] for _, each in self._guessed)
        shown = ", ".join(names)
        n_files = len(self._guessed)
        return (
            Sentence(
                f"{n_files} text files are not UTF-8, such as {first.name}: read as {shown}; if letters are "
                "wrong, save them as UTF-8",
                f"有 {n_files} 个文本文件不是 UTF-8（如 {first.name}）：按 {shown} 读取；若文字有误，"
                "请将其另存为 UTF-8",
            ),
        )
