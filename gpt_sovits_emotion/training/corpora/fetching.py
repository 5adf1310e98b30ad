"""Put a corpus on the disk: fetched from its makers, where anybody may, or unpacked from Parquet files."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from types import MappingProxyType

from gpt_sovits_emotion.core.errors import CorpusError, OutputError
from gpt_sovits_emotion.core.files import remove_folder, write_text
from gpt_sovits_emotion.core.locking import locked
from gpt_sovits_emotion.core.messages import of_count, of_error, tr
from gpt_sovits_emotion.core.progress import Progress, no_progress, part_of
from gpt_sovits_emotion.training.corpora.corpus import INFO_FIELDS, INFO_NAME, Corpus
from gpt_sovits_emotion.training.corpora.downloading import Opener, download, unpack
from gpt_sovits_emotion.training.corpora.known import KNOWN_CORPORA, hub_command, known_corpus
from gpt_sovits_emotion.training.corpora.parquet_rows import ROWS_NAME
from gpt_sovits_emotion.training.corpora.reading import open_corpora, read_corpus
from gpt_sovits_emotion.training.corpora.tables import MANIFEST_NAME

__all__ = ["SOURCES", "Source", "fetch_corpus", "unpack_corpus"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a corpus is fetched from.

    Attributes:
        url: The makers' own address of the archive.
        n_clips: How many clips there must be in it.
        megabytes: About how large the download is.
        md5: Of the archive, as its makers publish it; "" where they do not.
        same_bytes: Whether the address gives the same bytes each time. Then the SHA-256 of the first
            fetch is kept and later ones are held against it.
    """

    url: str
    n_clips: int
    megabytes: int
    md5: str = ""
    same_bytes: bool = True


SOURCES: Mapping[str, Source] = MappingProxyType(
    {
        "emodb": Source(
            "http://emodb.bilderbar.info/download/download.zip", n_clips=535, megabytes=41
        ),
        # The checksum stands on the record's page.
        "ravdess": Source(
            "https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip?download=1",
            n_clips=1440,
            megabytes=208,
            md5="bc696df654c87fed845eb13823edef8a",
        ),
        # GitHub packs archives anew, with the same content and other bytes; the commit names the content.
        "nemo": Source(
            "https://github.com/amu-cai/nEMO/archive/06f1f83dde8f1a780443a57d53b2af3971af34ab.zip",
            n_clips=4481,
            megabytes=430,
            same_bytes=False,
        ),
    }
)
"""Id -> source, of the corpora that may be fetched without asking anybody."""


def fetch_corpus(
    corpus_id: str,
    destination: str | Path,
    *,
    progress: Progress = no_progress,
    opener: Opener | None = None,
    sources: Mapping[str, Source] = SOURCES,
) -> Path:
    """Fetch a corpus into ``destination/<id>``, once.

    A download that was stopped goes on where it was. The folder appears when all of it is there and was
    read. Its terms are in `KNOWN_CORPORA`; show them to whoever asks for it.

    Args:
        corpus_id: Which corpus, in any spelling.
        destination: The folder that will hold the corpus's folder; made if missing.
        progress: Told how far it is; may raise to stop.
        opener: Opens connections, in place of `urllib.request.urlopen`.
        sources: Where corpora are fetched from.

    Returns:
        The corpus's folder, for `read_corpus`.

    Raises:
        CorpusError: It is not known or may not be fetched, there is no network, the download is not
            what was expected, or another process is fetching it.
        OutputError: There is no room, or the destination cannot be written.
    """
    info = known_corpus(corpus_id)
    source = sources.get(info.id) if info else None
    if info is None or source is None:
        raise _unfetchable(corpus_id, sources)
    destination = Path(destination)
    folder = destination / info.id
    _make_folder(destination)
    busy = _being_fetched(info.title, destination)
    with locked(destination / f".{info.id}.lock", patience_s=0, busy=busy):
        if folder.exists():
            _check_clips(folder, info.id, source)
            return folder
        archive = destination / f".{info.id}.zip.part"
        download(source.url, archive, progress=part_of(progress, 0.0, 0.8), opener=opener)
        try:
            _check_sum(archive, source, destination / f"{info.id}.fetched.json")
            _unpack_into(folder, archive, info.id, source, part_of(progress, 0.8, 1.0))
        except CorpusError:
            _forget(archive)  # going on with it would fail the same way again
            raise
        _forget(archive)
    progress(1.0, "fetched")
    return folder


def _unpack_into(
    folder: Path, archive: Path, corpus_id: str, source: Source, progress: Progress
) -> None:
    unpacked = Path(tempfile.mkdtemp(prefix=f".{corpus_id}-", dir=folder.parent))
    try:
        unpack(archive, unpacked, progress=progress)
        _check_clips(unpacked, corpus_id, source)
        unpacked.chmod(0o755)  # mkdtemp's are for one user alone
        unpacked.rename(folder)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(
            tr(
                "{folder} was not made ({strerror}); choose another folder",
                folder=folder,
                strerror=error.strerror or error,
            )
        ) from error
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def _check_clips(folder: Path, corpus_id: str, source: Source) -> None:
    title = KNOWN_CORPORA[corpus_id].title
    try:
        n_clips = len(read_corpus(folder, layout=corpus_id).clips)
    except CorpusError as error:
        raise CorpusError(
            tr(
                "{folder} is not {title} as distributed: {error}; remove the folder or choose another",
                folder=folder,
                title=title,
                error=of_error(error),
            )
        ) from error
    if n_clips != source.n_clips:
        raise CorpusError(
            tr(
                "{folder} holds {n_clips_2} of {title}, which has {n_clips}; remove the folder and fetch "
                "it again, or choose another",
                folder=folder,
                title=title,
                n_clips=source.n_clips,
                n_clips_2=of_count(n_clips, "clip"),
            )
        )


def _check_sum(archive: Path, source: Source, record: Path) -> None:
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with archive.open("rb") as stream:
        while block := stream.read(1 << 20):
            md5.update(block)
            sha256.update(block)
    if source.md5 and md5.hexdigest() != source.md5:
        raise CorpusError(
            tr(
                "what came from {url} is not the archive that its makers published (MD5 {hexdigest}, "
                "expected {md5}); run the command again, it begins anew",
                url=source.url,
                hexdigest=md5.hexdigest(),
                md5=source.md5,
            )
        )
    kept = _read_record(record)
    if source.same_bytes and kept is not None and kept != sha256.hexdigest():
        raise CorpusError(
            tr(
                "what came from {url} differs from what was fetched before (SHA-256 {hexdigest}, "
                "{record} has {kept}); if its makers have published a new version, delete {record_2} and "
                "run the command again",
                url=source.url,
                hexdigest=sha256.hexdigest(),
                record=record.name,
                kept=kept,
                record_2=record,
            )
        )
    said = {
        "url": source.url,
        "bytes": archive.stat().st_size,
        "sha256": sha256.hexdigest(),
        "fetched": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    write_text(record, json.dumps(said, indent=2) + "\n")


def _read_record(record: Path) -> str | None:
    try:
        kept = json.loads(record.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise CorpusError(
            tr(
                "{record} cannot be read ({error}); delete it and run the command again",
                record=record,
                error=error,
            )
        ) from error
    return str(kept.get("sha256")) if isinstance(kept, dict) else None


def _forget(archive: Path) -> None:
    archive.unlink(missing_ok=True)
    archive.with_name(f"{archive.name}.json").unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            tr(
                "the folder {folder} cannot be made ({strerror}); choose another",
                folder=folder,
                strerror=error.strerror,
            )
        ) from error


def _being_fetched(title: str, destination: Path) -> CorpusError:
    return CorpusError(
        tr(
            "another process is fetching {title} into {destination}; wait for it",
            title=title,
            destination=destination,
        )
    )


def _unfetchable(corpus_id: str, sources: Mapping[str, Source]) -> CorpusError:
    some = ", ".join(sources)
    info = known_corpus(corpus_id)
    if info is None:
        return CorpusError(
            tr(
                "there is no corpus {corpus_id!r} here; {some} can be fetched",
                corpus_id=corpus_id,
                some=some,
            )
        )
    if info.hub:
        return CorpusError(
            tr(
                "{title} ({hub_gigabytes:g} GB, {licence}) is fetched from the Hugging Face hub by  "
                "{hub_command}  (the command of huggingface_hub; huggingface-cli before its 0.34); then "
                "name the folder as {info}=DIR",
                title=info.title,
                hub_gigabytes=info.hub_gigabytes,
                licence=info.licence,
                hub_command=hub_command(info),
                info=info.id,
            )
        )
    return CorpusError(
        tr(
            "{title} must be asked for at {url} ({licence}); unpack what you get and name its folder as "
            "{info}=DIR (can be fetched from here: {some})",
            title=info.title,
            url=info.url,
            licence=info.licence,
            info=info.id,
            some=some,
        )
    )


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
                tr(
                    "{root} has its audio in files already, nothing is to be unpacked; use it as it is",
                    root=corpus.root,
                )
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
            tr(
                "{folder} holds a corpus already ({manifest_name}); use it as it is, or name a new folder",
                folder=folder,
                manifest_name=MANIFEST_NAME,
            )
        )
    if folder.is_dir() and any(folder.iterdir()) and not (folder / _MARK).exists():
        raise OutputError(tr("{folder} holds other files; name a new folder", folder=folder))
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
