"""A corpus in Parquet files as a folder of audio with a manifest, for any program and for any editor."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

from gpt_sovits_emotion.core.errors import CorpusError, OutputError
from gpt_sovits_emotion.core.files import remove_folder, write_text
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.training.corpora.corpus import Corpus
from gpt_sovits_emotion.training.corpora.manifest import INFO_FIELDS, INFO_NAME, MANIFEST_NAME
from gpt_sovits_emotion.training.corpora.parquet_rows import ROWS_NAME
from gpt_sovits_emotion.training.corpora.reading import open_corpora

__all__ = ["unpack_corpus"]

_COLUMNS = ("path", "speaker", "emotion", "language", "text", "gender", "intensity")
_MARK = ".unpacked"


def unpack_corpus(
    named: str, destination: str | Path, *, progress: Progress = no_progress
) -> Corpus:
    """Unpack the audio of a corpus in Parquet files into a new folder, with a manifest and what it is.

    A run that was stopped goes on where it was. The manifest appears last; labels stand in it as written.

    Args:
        named: ``NAME=DIR`` or ``DIR``, as for `open_corpora`.
        destination: The folder; made if missing.
        progress: Told how much has been unpacked; may raise to stop.

    Returns:
        The corpus as it was read.

    Raises:
        CorpusError: It cannot be read, or is not in Parquet files.
        OutputError: The folder holds something else, or cannot be written.
    """
    destination = Path(destination)
    _check_destination(destination)
    try:
        (corpus,) = open_corpora([named], unpack_to=destination, progress=progress)
        if corpus.unpacked is None:
            raise CorpusError(
                f"{corpus.root} has its audio in files already, nothing is to be unpacked; use it as it is",
                zh=f"{corpus.root} 的音频已是单独的文件，无需解包；请直接使用",
            )
    except CorpusError:
        held = {each.name for each in destination.rglob("*") if not each.is_dir()}
        if held <= {_MARK, ROWS_NAME}:  # audio stays, for the next try
            remove_folder(destination)
        raise
    write_text(destination / INFO_NAME, _described(corpus))
    write_text(destination / MANIFEST_NAME, _manifest(corpus, destination))
    return corpus


def _check_destination(folder: Path) -> None:
    if (folder / MANIFEST_NAME).exists():
        raise OutputError(
            f"{folder} holds a corpus already ({MANIFEST_NAME}); use it as it is, or name a new folder",
            zh=f"{folder} 中已有语料库（{MANIFEST_NAME}）；请直接使用，或另选新文件夹",
        )
    if folder.is_dir() and any(folder.iterdir()) and not (folder / _MARK).exists():
        raise OutputError(
            f"{folder} holds other files; name a new folder",
            zh=f"{folder} 中有其他文件；请另选新文件夹",
        )
    write_text(folder / _MARK, "audio is being unpacked here, or was\n")


def _manifest(corpus: Corpus, folder: Path) -> str:
    held = io.StringIO()
    table = csv.writer(held, lineterminator="\n")
    table.writerow(_COLUMNS)
    for clip in corpus.clips:
        path = os.path.relpath(clip.path, folder)
        row = (clip.speaker, clip.label, clip.language, clip.text, clip.gender, clip.intensity)
        table.writerow((Path(path).as_posix(), *row))
    return held.getvalue()


def _described(corpus: Corpus) -> str:
    import yaml

    said = {field: getattr(corpus.info, field) for field in INFO_FIELDS}
    return str(
        yaml.safe_dump(
            said, allow_unicode=True, sort_keys=False, default_flow_style=False, width=1000
        )
    )
