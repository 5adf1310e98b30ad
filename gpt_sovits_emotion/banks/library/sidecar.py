"""What was measured, heard and pinned in a bank, as JSON beside it; the bank itself is never changed.

    bank/gpt_sovits_emotion.bank.json       beside the clips of a folder, or of its infer_config.json
    voice.list.bank.json                    beside a list, a table or another tool's JSON

In memory the paths of a `Sidecar` are those that `load_bank` gives. In the file they are relative to the
file's own folder where they can be, with ``/``, so that a bank may be moved or copied as a whole.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpt_sovits_emotion.banks.library.contents import ClipContent, content_of, is_unchanged
from gpt_sovits_emotion.core.errors import ReferenceBankError
from gpt_sovits_emotion.core.files import is_ordinary, write_text
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import ReferenceBank, Sentence, SpeakerStatistics
from gpt_sovits_emotion.core.unreadable import unreadable, why_unreadable

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "SIDECAR_NAME",
    "SIDECAR_VERSION",
    "ClipContent",
    "Sidecar",
    "content_of",
    "is_sidecar",
    "is_unchanged",
    "portable",
    "read_sidecar",
    "sidecar_path",
    "source_of",
    "statistics_of",
    "write_sidecar",
]

SIDECAR_NAME = "gpt_sovits_emotion.bank.json"
SIDECAR_VERSION = 1
_FORMAT = "gpt-sovits-emotion/reference-bank"
_BESIDE_A_FILE = ".bank.json"
_FILES = frozenset({".list", ".csv", ".json"})  # that a bank may be
_WHOLE_FOLDERS = frozenset({"infer_config.json"})  # a file that stands for the folder it lies in


@dataclass(frozen=True, slots=True, eq=False)
class Sidecar:
    """All that is known of a bank beside the bank itself.

    Attributes:
        bank: The bank as it was when it was built, with what was measured and heard of every clip. Its
            `pins` and `head_id` are the sidecar's: they stand nowhere else.
        contents: Path of a clip -> what its file held then.
        head_digest: Digest of the weights of the head that listened; "" when none has.
        encoder_fingerprint: Fingerprint of that head's encoder as it was provided; "" when none was.
        speaker: Statistics of the voice, from its own clips; None when there were too few, or when they
            all sound alike (`load_bank`'s clips were then judged with the training statistics).
        built_at: When it was built, ISO 8601 in UTC; "" when the bank was never built (a pin alone).
        teaches: Whether its clips with a person's labels may teach a head; False once a person has refused.
        clips_folder: Where a person says that the clips of a list are now; None where nobody said.
        version: Of the file's format.
    """

    bank: ReferenceBank
    contents: Mapping[Path, ClipContent] = field(default_factory=dict)
    head_digest: str = ""
    encoder_fingerprint: str = ""
    speaker: SpeakerStatistics | None = None
    built_at: str = ""
    teaches: bool = True
    clips_folder: Path | None = None
    version: int = SIDECAR_VERSION

    @property
    def head_id(self) -> str:
        """The head that listened to the clips; "" when none has."""
        return self.bank.head_id

    @property
    def pins(self) -> Mapping[str, Path]:
        """Emotion -> the clip that a person wants for it."""
        return self.bank.pins


def sidecar_path(source: str | Path) -> Path:
    """Return where the sidecar of a bank lies, whether it is there or not.

    Examples:
        >>> sidecar_path("voices/anna.list").as_posix()
        'voices/anna.list.bank.json'
        >>> sidecar_path("voices/infer_config.json").as_posix()
        'voices/gpt_sovits_emotion.bank.json'
    """
    path = Path(source)
    if is_sidecar(path):
        return path
    if path.name in _WHOLE_FOLDERS and not path.is_dir():
        return path.parent / SIDECAR_NAME
    if path.suffix.casefold() in _FILES and not path.is_dir():
        return path.with_name(path.name + _BESIDE_A_FILE)
    return path / SIDECAR_NAME


def is_sidecar(path: Path) -> bool:
    """Say whether a path is named as a sidecar is."""
    return path.name == SIDECAR_NAME or path.name.endswith(_BESIDE_A_FILE)


def source_of(sidecar: Path) -> Path:
    """Return the bank that a sidecar belongs to: the folder it lies in, or the file beside it."""
    if sidecar.name == SIDECAR_NAME:
        return sidecar.parent
    return sidecar.with_name(sidecar.name.removesuffix(_BESIDE_A_FILE))


def statistics_of(sidecar: Sidecar, *, head_digest: str | None = None) -> SpeakerStatistics | None:
    """Return the statistics of the bank's voice for use by a tagger.

    Args:
        sidecar: Of the voice's bank.
        head_digest: Of the head that is going to use them: statistics of another head are in another
            space. None takes them for any.

    Returns:
        The statistics, or None when the bank has none, or none for this head.
    """
    if head_digest is not None and head_digest != sidecar.head_digest:
        return None
    return sidecar.speaker


# --- writing -------------------------------------------------------------------------------------


def write_sidecar(path: str | Path, sidecar: Sidecar) -> None:
    """Write a sidecar in one step, in place of an older one.

    Raises:
        ReferenceBankError: What lies there is no sidecar, is damaged, or is of a newer version; or a
            number to be written is not finite. Nothing is changed.
        OutputError: It cannot be written.
    """
    path = Path(path)
    if path.exists():
        _held(path)
    folder = path.parent
    bank = sidecar.bank.to_dict()
    clips = bank.pop("clips")
    for clip, record in zip(clips, sidecar.bank.clips, strict=True):
        clip["path"] = portable(record.path, folder)
    bank["root"] = portable(sidecar.bank.root, folder)
    bank["pins"] = {label: portable(clip, folder) for label, clip in sidecar.bank.pins.items()}
    head = {
        "format": _FORMAT,
        "version": sidecar.version,
        "built_at": sidecar.built_at,
        "head_digest": sidecar.head_digest,
        "encoder_fingerprint": sidecar.encoder_fingerprint,
        "speaker": _packed(sidecar.speaker),
        **({} if sidecar.teaches else {"teaches": False}),
        **_clips_folder(sidecar, folder),
        "bank": bank,
    }
    contents = {
        portable(clip, folder): content.to_dict() for clip, content in sidecar.contents.items()
    }
    write_text(path, _as_json(path, head, clips, contents))


def _clips_folder(sidecar: Sidecar, folder: Path) -> dict[str, str]:
    named = sidecar.clips_folder
    return {} if named is None else {"clips_folder": portable(named, folder)}


def _as_json(
    path: Path, head: dict[str, Any], clips: list[dict[str, Any]], contents: dict[str, Any]
) -> str:
    """Lay the file out with one clip per line: it can be read, searched and compared line by line."""
    try:
        parts = [
            json.dumps(head, ensure_ascii=False, indent=1, allow_nan=False).removesuffix("\n}")
        ]
        rows = [json.dumps(clip, ensure_ascii=False, allow_nan=False) for clip in clips]
        files = [
            f"{json.dumps(clip, ensure_ascii=False)}: {json.dumps(content)}"
            for clip, content in contents.items()
        ]
    except ValueError as error:
        raise ReferenceBankError(
            tr(
                "{path} was not written: a measured number is not finite ({error}); build the bank again",
                path=path,
                error=error,
            )
        ) from error
    parts.append(',\n "clips": [' + ",".join(f"\n  {row}" for row in rows) + "\n ]")
    parts.append(',\n "contents": {' + ",".join(f"\n  {each}" for each in files) + "\n }\n}\n")
    text = "".join(parts)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        # A file name that is no UTF-8 (GBK, unpacked on Linux) holds lone surrogates: written as escapes.
        return json.dumps(json.loads(text), indent=1) + "\n"
    return text


def portable(path: Path, folder: Path) -> str:
    """Return how the sidecar in `folder` writes a path: below the folder without it, else in full.

    Two paths that lead to one file below the folder, one of them in full, give one name.

    Examples:
        >>> portable(Path("bank/angry/1.wav"), Path("bank"))
        'angry/1.wav'
    """
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        pass  # one of the two may be written in full, or lead over ..
    whole = Path(os.path.abspath(path))  # noqa: PTH100 (resolve() would follow links)
    try:
        return whole.relative_to(os.path.abspath(folder)).as_posix()  # noqa: PTH100
    except ValueError:
        return whole.as_posix()


def _packed(speaker: SpeakerStatistics | None) -> dict[str, Any] | None:
    if speaker is None:
        return None
    return {
        "mean": _as_base64(speaker.mean),
        "std": _as_base64(speaker.std),
        "n_segments": int(speaker.n_segments),
        "source": speaker.source,
    }


def _as_base64(values: np.ndarray) -> str:
    return base64.b64encode(values.astype("<f4").tobytes()).decode("ascii")


# --- reading -------------------------------------------------------------------------------------


def read_sidecar(path: str | Path) -> Sidecar:
    """Read the sidecar of a bank.

    Args:
        path: The sidecar, or the bank it belongs to.

    Raises:
        ReferenceBankError: It is not there, is damaged, or was written by a newer version of this package.
    """
    path = sidecar_path(path)
    held = _held(path)
    folder, clips_folder = path.parent, held.get("clips_folder")
    try:
        bank = dict(held["bank"])
        bank["clips"] = [
            {**clip, "path": _placed(clip["path"], folder)} for clip in held.get("clips", [])
        ]
        bank["root"] = _placed(bank["root"], folder)
        bank["pins"] = {
            label: _placed(clip, folder) for label, clip in bank.get("pins", {}).items()
        }
        return Sidecar(
            bank=ReferenceBank.from_dict(bank),
            contents={
                _placed(clip, folder): ClipContent(
                    str(each["sha256"]), int(each["n_bytes"]), int(each["modified_ns"])
                )
                for clip, each in held.get("contents", {}).items()
            },
            head_digest=str(held.get("head_digest", "")),
            encoder_fingerprint=str(held.get("encoder_fingerprint", "")),
            speaker=_unpacked(held.get("speaker")),
            built_at=str(held.get("built_at", "")),
            teaches=bool(held.get("teaches", True)),
            clips_folder=None if clips_folder is None else _placed(clips_folder, folder),
            version=held["version"],
        )
    except (
        LookupError,
        AttributeError,
        TypeError,
        ValueError,
        OverflowError,
        RecursionError,
    ) as error:
        raise _damaged(path, why_unreadable(error)) from error


def _held(path: Path) -> dict[str, Any]:
    """Read a sidecar's JSON and make sure that it is one, of a version that we know."""
    try:
        if not is_ordinary(path):
            raise ReferenceBankError(tr("it is no ordinary file"))
        held = json.loads(path.read_bytes(), parse_constant=_refused)
    except FileNotFoundError as error:
        raise ReferenceBankError(
            tr(
                "{path} is not there: this bank has not been built yet; run  refs build  on it first",
                path=path,
            )
        ) from error
    except OSError as error:
        told = unreadable(path, error)
        raise ReferenceBankError(told.en, zh=told.zh) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, why_unreadable(error)) from error
    if not isinstance(held, dict) or held.get("format") != _FORMAT:
        raise ReferenceBankError(
            tr(
                "{path} was not written by gpt-sovits-emotion; rename it: this name is for what was "
                "measured of a bank",
                path=path,
            )
        )
    version = held.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        shown = repr(version)[:20]
        raise _damaged(path, tr("its version is {shown}", shown=shown))
    if version > SIDECAR_VERSION:
        raise ReferenceBankError(
            tr(
                "{path} is of version {version}, written by a newer gpt-sovits-emotion; this one reads "
                "up to version {sidecar_version}: update it",
                path=path,
                version=version,
                sidecar_version=SIDECAR_VERSION,
            )
        )
    return held


def _refused(written: str) -> float:
    raise ReferenceBankError(tr("{written} is not a number in JSON", written=written))


def _placed(written: str, folder: Path) -> Path:
    if "\0" in written:
        raise ReferenceBankError(tr("a path in it holds a zero byte"))
    return folder / written  # an absolute path stays what it is


def _unpacked(speaker: dict[str, Any] | None) -> SpeakerStatistics | None:
    if speaker is None:
        return None
    mean, std = _from_base64(speaker["mean"]), _from_base64(speaker["std"])
    if mean.shape != std.shape or not len(mean):
        raise ReferenceBankError(
            tr(
                "the speaker's mean has {mean} values, the deviation {std}",
                mean=len(mean),
                std=len(std),
            )
        )
    return SpeakerStatistics(mean, std, int(speaker["n_segments"]), str(speaker["source"]))


def _from_base64(text: str) -> np.ndarray:
    import numpy as np

    values = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4").astype(np.float32)
    if not np.isfinite(values).all():
        raise ReferenceBankError(tr("the speaker's statistics are not finite"))
    return values


def _damaged(path: Path, why: Sentence) -> ReferenceBankError:
    return ReferenceBankError(
        tr(
            "{path} is damaged ({why}); move it away and run  refs build  again: what a person pinned in "
            "it is lost, the clips are not touched",
            path=path,
            why=why,
        )
    )
