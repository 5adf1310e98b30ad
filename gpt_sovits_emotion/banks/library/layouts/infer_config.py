"""``infer_config.json`` of GPT-SoVITS-Inference: one clip per emotion, ``default`` first."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath
from typing import Any

from gpt_sovits_emotion.banks.library.layouts.files import Places, read_json_file
from gpt_sovits_emotion.banks.library.layouts.listing import (
    ClipEntry,
    Listing,
    emotion_of,
    language_code,
    language_of_text,
)
from gpt_sovits_emotion.core.errors import ReferenceBankError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.unreadable import kind_of

__all__ = ["COPY_KEY", "INFER_CONFIG", "read_infer_config"]

INFER_CONFIG = "infer_config.json"
COPY_KEY = "default_is_a_copy_of"
"""Written by us beside ``emotion_list`` where a bank without a default slot was given one, which other
tools ask for; its value is the emotion whose clip it repeats."""

_SLOT = ("ref_wav_path", "prompt_text", "prompt_language")
_SLOTS_KEY = "emotion_list"


def read_infer_config(path: Path, *, clips: Path | None = None) -> Listing:
    """Read the file, or one of the early kind that holds a single clip without an ``emotion_list``.

    Raises:
        ReferenceBankError: It is not readable, or is no such file.
        OSError: It cannot be opened.
    """
    held = read_json_file(path)
    listed = held.get(_SLOTS_KEY) if isinstance(held, dict) else None
    if listed is None and isinstance(held, dict) and isinstance(held.get("ref_wav_path"), str):
        listed = {"default": {key: held.get(key) for key in _SLOT}}
    if not isinstance(listed, dict):
        raise ReferenceBankError(
            tr(
                '{path} has no emotion_list; {{"emotion_list": {{"default": {{"ref_wav_path": …, '
                '"prompt_text": …}}}}}} was expected',
                path=path,
            )
        )
    places = Places(path.parent, clips)
    entries = [_entry(path, places, str(name), slot) for name, slot in listed.items()]
    settings = {str(key): value for key, value in held.items() if key not in (_SLOTS_KEY, *_SLOT)}
    copied = settings.pop(COPY_KEY, None)
    if isinstance(copied, str):
        entries = _without_copy(entries, copied)
    more = {
        str(name): {key: value for key, value in slot.items() if key not in _SLOT}
        for name, slot in listed.items()
    }
    if any(more.values()):
        settings[_SLOTS_KEY] = {name: held for name, held in more.items() if held}
    synthetic = settings.get("synthetic") is True
    return Listing("infer_config", path.parent, tuple(entries), "", synthetic, settings)


def _without_copy(entries: list[ClipEntry], copied: str) -> list[ClipEntry]:
    originals = {entry.path for entry in entries if entry.emotion == copied}
    return [entry for entry in entries if entry.emotion or entry.path not in originals]


def _entry(config: Path, places: Places, name: str, slot: object) -> ClipEntry:
    wav = slot.get("ref_wav_path") if isinstance(slot, dict) else None
    if not isinstance(slot, dict) or not isinstance(wav, str) or not wav.strip():
        raise ReferenceBankError(
            tr(
                "{config}: the emotion {name!r} has no ref_wav_path; name its clip there or remove the "
                "emotion",
                config=config,
                name=name,
            )
        )
    text = _word(config, name, "prompt_text", slot.get("prompt_text"))
    language = language_code(_word(config, name, "prompt_language", slot.get("prompt_language")))
    path = _clip(wav.strip(), places)
    return ClipEntry(path, emotion_of(name), text, language or language_of_text(text))


def _word(config: Path, name: str, field: str, value: Any) -> str:
    if value is None or (isinstance(value, (str, int, float)) and not isinstance(value, bool)):
        return "" if value is None else str(value).strip()
    raise ReferenceBankError(
        tr(
            "{config}: {field} of the emotion {name!r} is no text but {said}; correct it",
            config=config,
            field=field,
            name=name,
            said=kind_of(value),
        )
    )


def _clip(written: str, places: Places) -> Path:
    # The file may have been written on Windows; its separators are no separators elsewhere.
    plain = Path(written)
    beside = Path(*PureWindowsPath(written).parts)
    return places.find(written) or places.folder / (plain if plain.is_absolute() else beside)
