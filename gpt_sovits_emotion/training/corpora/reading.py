"""Read a corpus, whatever layout it has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gpt_sovits_emotion.core.counting import counted
from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.messages import in_both, of_list, tr
from gpt_sovits_emotion.core.progress import Progress, no_progress, part_of
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.training.corpora.corpus import (
    INFO_NAME,
    Clip,
    Corpus,
    CorpusInfo,
    read_info,
    unknown_corpus,
)
from gpt_sovits_emotion.training.corpora.file_names import CLIP_READERS
from gpt_sovits_emotion.training.corpora.folders import (
    audio_files,
    names_emotions,
    passed_over,
    read_folders,
    without_copies,
)
from gpt_sovits_emotion.training.corpora.known import (
    KNOWN_CORPORA,
    hub_command,
    known_corpus,
    with_details,
)
from gpt_sovits_emotion.training.corpora.parquet import (
    default_unpacked,
    hub_root,
    parquet_files,
    read_parquet,
)
from gpt_sovits_emotion.training.corpora.parquet_columns import HubCard, read_hub_card
from gpt_sovits_emotion.training.corpora.readers import added_reader, read_added
from gpt_sovits_emotion.training.corpora.tables import (
    MANIFEST_NAME,
    read_manifest,
    read_training_list,
)

__all__ = ["LAYOUTS", "open_corpora", "read_corpus"]

LAYOUTS = ("auto", "manifest", "folders", "list", "parquet", *KNOWN_CORPORA)
"""What `read_corpus` can be told; ``auto`` finds out."""

_RECOGNISED_SHARE = 0.5
"""This share of a folder's audio files must bear names of a known corpus. RAVDESS's archive of speech
and song holds 1,440 and 1,012."""

_NAME = re.compile(r"[\w.+-]{1,60}")


@dataclass(frozen=True, slots=True)
class _Unpacking:
    folder: Path | None
    progress: Progress


def read_corpus(
    folder: str | Path,
    *,
    layout: str = "auto",
    unpack_to: Path | None = None,
    progress: Progress = no_progress,
) -> Corpus:
    """Read a corpus.

    Args:
        folder: The corpus's folder; or its ``manifest.csv`` or ``.list`` itself.
        layout: One of `LAYOUTS`, or the name of a reader that a plug-in adds. ``auto`` takes a
            ``manifest.csv``; else file names of a known corpus, as it is distributed; else a ``.list`` with
            emotions; else a folder per emotion; else Parquet files.
        unpack_to: Where the audio of Parquet files goes; `default_unpacked` when None.
        progress: Told how much of it has been unpacked; may raise to stop.

    Raises:
        CorpusError: There is nothing of that layout, or it cannot be read; the message says what was
            found and what was expected.
        OutputError: The audio of Parquet files cannot be unpacked.
        MissingExtraError: They must be unpacked, and pyarrow is not installed.
    """
    path = Path(folder)
    if added_reader(layout):
        return read_added(layout, path)
    if layout not in LAYOUTS:
        raise CorpusError(
            tr(
                "there is no layout {layout!r}; expected one of {layouts}",
                layout=layout,
                layouts=of_list(LAYOUTS),
            )
        )
    if path.is_file():
        if path.suffix.casefold() == ".csv" and layout in ("auto", "manifest"):
            return _from_manifest(path)
        if path.suffix.casefold() == ".list" and layout in ("auto", "list"):
            return _from_list(path)
        raise CorpusError(
            tr(
                "{path} is a file; expected the folder of a corpus, a {manifest_name} or a .list",
                path=path,
                manifest_name=MANIFEST_NAME,
            )
        )
    unpacking = _Unpacking(unpack_to, progress)
    if layout == "auto":
        return _recognised(path, unpacking)
    if layout == "parquet":
        return _from_parquet(path, unpacking)
    if layout in KNOWN_CORPORA:
        return _from_known(path, KNOWN_CORPORA[layout], unpacking)
    if layout == "manifest":
        return _from_manifest(path / MANIFEST_NAME)
    if layout == "list":
        return _from_list(_only_list(path))
    return _from_folders(path, audio_files(path))


def open_corpora(
    named: Sequence[str], *, unpack_to: Path | None = None, progress: Progress = no_progress
) -> tuple[Corpus, ...]:
    """Read corpora as the command line names them: ``NAME=DIR`` or ``DIR``.

    A `NAME` that is a known corpus (however it is spelt) says which one it is: its reader is used unless
    the folder has a manifest, which says more. Any other name renames the corpus. `unpack_to` and
    `progress` are as for `read_corpus`.

    Raises:
        CorpusError: None is named, a name cannot be one, two have the same, or one cannot be read.
    """
    if not named:
        raise CorpusError(tr("no corpus was named; give NAME=DIR, such as emodb=path/to/emodb"))
    share = 1 / len(named)
    corpora = tuple(
        _open(each, _Unpacking(unpack_to, part_of(progress, index * share, (index + 1) * share)))
        for index, each in enumerate(named)
    )
    names = [corpus.name for corpus in corpora]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise CorpusError(
            tr("two corpora are called {double!r}; name them apart with NAME=DIR", double=double)
        )
    return corpora


def _open(named: str, unpacking: _Unpacking) -> Corpus:
    def read(folder: str, layout: str = "auto") -> Corpus:
        return read_corpus(
            folder, layout=layout, unpack_to=unpacking.folder, progress=unpacking.progress
        )

    name, found, folder = named.partition("=")
    if not found or Path(named).exists():
        return read(named)
    if not _NAME.fullmatch(name) or not folder:
        raise CorpusError(
            tr(
                "{named!r} is not NAME=DIR; a name has letters, digits, '-', '_', '.' and '+' only",
                named=named,
            )
        )
    known = known_corpus(name)
    if added_reader(name):
        return read_added(name, Path(folder))
    if known is None:
        corpus = read(folder)
        return replace(corpus, name=name, info=_renamed(corpus.info, name))
    path = Path(folder)
    has_manifest = path.is_file() or (path / MANIFEST_NAME).is_file()
    corpus = read(folder, "auto" if has_manifest else known.id)
    if corpus.info.id in KNOWN_CORPORA and corpus.info.id != known.id:
        raise CorpusError(
            tr(
                "{folder} is {title} by its files or its name, not {title_2}; correct the name in front "
                "of '='",
                folder=folder,
                title=corpus.info.title,
                title_2=known.title,
            )
        )
    info = known if _is_unknown(corpus.info) else corpus.info
    return replace(corpus, name=known.id, info=info)


def _renamed(info: CorpusInfo, name: str) -> CorpusInfo:
    if info.id in KNOWN_CORPORA:
        return info  # a copy of EmoDB is EmoDB, whatever it is called
    return replace(info, id=name, title=name if info.title == info.id else info.title)


def _is_unknown(info: CorpusInfo) -> bool:
    return info == unknown_corpus(info.id)


def _recognised(root: Path, unpacking: _Unpacking) -> Corpus:
    if (root / MANIFEST_NAME).is_file():
        return _from_manifest(root / MANIFEST_NAME)
    files = audio_files(root)
    known = _known_by_names(files)
    if known is not None:
        return _from_names(root, files, known)
    if any(path.suffix.casefold() == ".list" for path in root.iterdir()):
        return _from_list(_only_list(root))
    if names_emotions(files):
        return _from_folders(root, files)
    if parquet_files(root):
        return _from_parquet(root, unpacking)
    titles = [info.title for info in KNOWN_CORPORA.values()]
    what = counted(len(files), "audio file") if files else "no audio files"
    what_zh = f" {len(files)} 个音频文件" if files else "没有音频文件"
    raise CorpusError(
        tr(
            "{root} does not exist: a corpus is a folder with a {manifest_name} (columns path, speaker, "
            "emotion), one of {titles} as distributed, a .list with emotions, a folder per emotion, or "
            "Parquet files; {what} of no such layout found",
            root=root / MANIFEST_NAME,
            manifest_name=MANIFEST_NAME,
            titles=of_list(titles),
            what=in_both(what, what_zh),
        )
    )


def _known_by_names(files: Sequence[Path]) -> str | None:
    if not files:
        return None
    shares = {
        corpus_id: sum(reader(path) is not None for path in files) / len(files)
        for corpus_id, reader in CLIP_READERS.items()
    }
    best = max(shares, key=lambda corpus_id: shares[corpus_id])
    return best if shares[best] >= _RECOGNISED_SHARE else None


def _from_manifest(manifest: Path) -> Corpus:
    clips, notes = read_manifest(manifest)
    root = manifest.parent
    name = root.resolve().name
    by_names = _known_by_names([clip.path for clip in clips])
    known = KNOWN_CORPORA[by_names] if by_names else known_corpus(name)
    return Corpus(name, root, clips, _info_beside(root, name, known), notes)


def _from_known(root: Path, info: CorpusInfo, unpacking: _Unpacking) -> Corpus:
    files = audio_files(root)
    if info.id in CLIP_READERS and (files or not parquet_files(root)):
        return _from_names(root, files, info.id)
    if parquet_files(root):
        return _from_parquet(root, unpacking, info)
    if info.hub:
        raise CorpusError(
            tr(
                "{root} has no Parquet files, as which {title} is distributed; name the folder into "
                "which {hub_command} fetched it",
                root=root,
                title=info.title,
                hub_command=hub_command(info),
            )
        )
    corpus = _recognised(root, unpacking)
    return replace(corpus, name=info.id, info=info if _is_unknown(corpus.info) else corpus.info)


def _from_parquet(root: Path, unpacking: _Unpacking, known: CorpusInfo | None = None) -> Corpus:
    if not root.is_dir():
        audio_files(root)  # says so
    inner, name = hub_root(root)
    files = parquet_files(inner)
    if not files:
        raise CorpusError(
            tr(
                "{root} has no Parquet files; name the folder of a data set of the Hugging Face hub",
                root=root,
            )
        )
    card = read_hub_card(inner)
    known = known or known_corpus(name)
    info = _info_beside(inner, known.id if known else name, known or _info_of_card(name, card))
    folder = unpacking.folder or default_unpacked(inner, name)
    clips, warnings = read_parquet(
        inner,
        files,
        card=card,
        name=name,
        unpack_to=folder,
        progress=unpacking.progress,
    )
    clips, more = with_details(info.id, inner, clips)
    one_language = info.language if "," not in info.language else ""
    clips = tuple(replace(clip, language=clip.language or one_language) for clip in clips)
    unpacked = folder if any(clip.path.is_relative_to(folder) for clip in clips) else None
    return Corpus(info.id, root, clips, info, (*warnings, *more), unpacked)


def _info_of_card(name: str, card: HubCard) -> CorpusInfo:
    unknown = unknown_corpus(name)
    return replace(
        unknown,
        title=card.title or unknown.title,
        language=", ".join(card.languages),
        licence=f"{card.licence} by its README.md" if card.licence else unknown.licence,
        non_commercial="-nc" in card.licence,
    )


def _from_names(root: Path, files: Sequence[Path], corpus_id: str) -> Corpus:
    info = KNOWN_CORPORA[corpus_id]
    read = [(path, CLIP_READERS[corpus_id](path)) for path in files]
    unnamed = [path for path, clip in read if clip is None]
    clips, warnings = without_copies(clip for _, clip in read if clip is not None)
    if not clips:
        raise CorpusError(
            tr(
                "none of the {files} audio files in {root} is named as {title} names its clips; name the "
                "folder of {title} as it is distributed",
                files=len(files),
                root=root,
                title=info.title,
            )
        )
    clips, more = with_details(corpus_id, root, clips)
    why = tr("not named like {title}'s speech clips", title=info.title)
    warnings += [*more, *passed_over(unnamed, why)]
    return _corpus(corpus_id, root, clips, _info_beside(root, corpus_id, info), warnings)


def _from_folders(root: Path, files: Sequence[Path]) -> Corpus:
    clips, warnings = read_folders(root, files)
    name = root.resolve().name
    return _corpus(name, root, clips, _info_beside(root, name, known_corpus(name)), warnings)


def _from_list(path: Path) -> Corpus:
    clips, warnings = read_training_list(path)
    return Corpus(
        path.stem, path, clips, _info_beside(path.parent, path.stem, None), tuple(warnings)
    )


def _corpus(
    name: str, root: Path, clips: Sequence[Clip], info: CorpusInfo, warnings: Sequence[Sentence]
) -> Corpus:
    """Return the corpus of clips whose paths are relative to its root."""
    if not clips:
        raise CorpusError(
            tr("{root} has no labelled clips; add some, or name another folder", root=root)
        )
    rooted = tuple(replace(clip, path=root / clip.path) for clip in clips)
    return Corpus(name, root, rooted, info, tuple(warnings))


def _info_beside(root: Path, name: str, known: CorpusInfo | None) -> CorpusInfo:
    if (root / INFO_NAME).is_file():
        return read_info(root / INFO_NAME, name)
    return known or unknown_corpus(name)


def _only_list(root: Path) -> Path:
    lists = sorted(path for path in root.iterdir() if path.suffix.casefold() == ".list")
    if len(lists) != 1:
        names = ", ".join(path.name for path in lists) or "none"
        raise CorpusError(
            tr(
                "{root} holds {lists} files that end in .list ({names}); name one of them",
                root=root,
                lists=len(lists),
                names=names,
            )
        )
    return lists[0]
