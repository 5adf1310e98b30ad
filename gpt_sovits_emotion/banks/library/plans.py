"""Where each clip of a bank goes in a layout that is written, and what stands beside the clips."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gpt_sovits_emotion.banks.library.clips_to_export import (
    all_labelled,
    most_ordinary,
    one_per_emotion,
)
from gpt_sovits_emotion.banks.library.layouts.infer_config import COPY_KEY, INFER_CONFIG
from gpt_sovits_emotion.banks.library.layouts.listing import (
    AUDIO_SUFFIXES,
    emotion_of,
    language_of_text,
    menu_name,
)
from gpt_sovits_emotion.banks.library.layouts.names import (
    NamedClip,
    split_brackets,
    split_underscore,
)
from gpt_sovits_emotion.core.errors import ReferenceBankError, TranscriptError
from gpt_sovits_emotion.core.labels import display_name
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import ReferenceBank, ReferenceClip
from gpt_sovits_emotion.transcripts.decoding import decode

__all__ = ["Placed", "Plan", "bracket_plan", "infer_config_plan", "name_plan"]

_VOICE_FILE = "voice.yaml"
# Windows forbids nine signs in names, Linux and macOS one of them; their full-width forms look alike.
_LOOK_ALIKES = str.maketrans('<>:"/\\|?*', "＜＞：＂／＼｜？＊")
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_MOST_BYTES = (
    180  # of 255 that file systems allow: room for an ending, a number, and a long path before it
)


@dataclass(frozen=True, slots=True)
class Placed:
    """One clip and its place.

    Attributes:
        clip: As it is in the bank.
        name: Path from the new folder on, with ``/``.
        lab: Its exact text for a ``.lab`` beside it; None where the name, or a JSON, holds it.
    """

    clip: ReferenceClip
    name: str
    lab: bytes | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is to be written: clips, and text files by name."""

    placed: tuple[Placed, ...]
    files: Mapping[str, str] = field(default_factory=dict)


# --- infer_config.json -----------------------------------------------------------------------------


def infer_config_plan(bank: ReferenceBank) -> Plan:
    """Plan an ``infer_config.json``: one clip per emotion (`one_per_emotion`), ``default`` first."""
    chosen = one_per_emotion(bank)
    names, given = _Names(), dict[Path, str]()
    placed = []
    for emotion, clip in sorted(chosen.items(), key=lambda item: bool(item[0])):
        # A clip that serves two emotions is one file, so that it is no duplicate of itself.
        name = given.get(clip.path) or names.free(_plain(emotion or "default"), _suffix(clip))
        if emotion:
            given[clip.path] = name
        placed.append(Placed(clip, f"reference_audio/{name}"))
    settings = dict(bank.settings)
    more = settings.pop("emotion_list", {})
    copied = most_ordinary(chosen) if chosen and "" not in chosen else None
    slots = {each.clip.emotion or "default": _slot(each) for each in placed}
    if copied is not None:
        slots = {"default": slots[copied], **slots}
    for written, extra in more.items() if isinstance(more, dict) else ():
        slot = slots.get(emotion_of(str(written)) or "default")
        if slot is not None and isinstance(extra, dict):
            slot.update(extra)
    for each in placed:
        _check_label(each.clip, each.clip.emotion or "default", "infer_config")
    held = {
        **settings,
        **({"synthetic": True} if bank.synthetic else {}),
        **({COPY_KEY: copied} if copied is not None else {}),
        "emotion_list": slots,
    }
    return Plan(tuple(placed), {INFER_CONFIG: _json(held, bank)})


def _slot(placed: Placed) -> dict[str, str]:
    return {
        "ref_wav_path": placed.name,
        "prompt_text": placed.clip.text,
        "prompt_language": menu_name(placed.clip.language),
    }


def _json(held: Mapping[str, object], bank: ReferenceBank) -> str:
    text = json.dumps(held, ensure_ascii=False, indent=4) + "\n"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ReferenceBankError(
            tr(
                "the bank {root} cannot be written: it holds half of a two-part character ({text!a}) in "
                "a label or text; correct it",
                root=bank.root,
                text=text[error.start],
            )
        ) from error
    return text


# --- labels in the names of files ------------------------------------------------------------------


def bracket_plan(bank: ReferenceBank) -> Plan:
    """Plan ``reference_audios/<语言>/emotions/【label】text.wav``, with labels in Chinese, as packs have."""

    def label_of(emotion: str) -> str:
        return display_name(emotion, "zh") if emotion else "默认"

    placed = _by_name(
        bank,
        label_of,
        lambda label, text: f"【{label}】{text}",
        split_brackets,
        lambda clip: f"reference_audios/{_folder_of(clip)}/emotions/",
        "brackets",
    )
    return Plan(placed, _voice_file(bank, placed, languages_in_folders=True))


def name_plan(bank: ReferenceBank) -> Plan:
    """Plan a flat folder of ``label_text.wav``."""
    placed = _by_name(
        bank,
        lambda emotion: emotion or "default",
        lambda label, text: f"{label}_{text}",
        split_underscore,
        lambda _clip: "",
        "names",
    )
    return Plan(placed, _voice_file(bank, placed, languages_in_folders=False))


def _by_name(
    bank: ReferenceBank,
    label_of: Callable[[str], str],
    join: Callable[[str, str], str],
    split: Callable[[str], NamedClip | None],
    folder_of: Callable[[ReferenceClip], str],
    layout: str,
) -> tuple[Placed, ...]:
    names: dict[str, _Names] = {}
    placed = []
    for clip in all_labelled(bank):
        label = label_of(clip.emotion)
        _check_label(clip, label, layout)
        folder = folder_of(clip)
        free = names.setdefault(folder, _Names())
        plain = _plain(clip.text)
        if not any(sign.isalpha() for sign in plain):
            plain = ""  # nothing that could be read as words
        stem_bytes = _MOST_BYTES - len(join(label, "").encode("utf-8", "replace"))
        name = free.free(join(label, _cut(plain, stem_bytes)), _suffix(clip), numbered=not plain)
        named = split(name[: -len(_suffix(clip))])
        if named is None or named.emotion != clip.emotion:
            raise _unholdable(clip, label, layout)
        lab = None if named.text == clip.text else _lab(clip)
        placed.append(Placed(clip, folder + name, lab))
    return tuple(placed)


def _check_label(clip: ReferenceClip, label: str, layout: str) -> None:
    """Refuse a label that this layout would not give back."""
    in_name = layout != "infer_config"
    separators = {"brackets": "【】", "names": "_【"}.get(layout, "")
    if (
        emotion_of(label) != clip.emotion
        or label != label.strip()
        or (in_name and (_FORBIDDEN.search(label) or label.startswith(".")))
        or (in_name and len(label.encode("utf-8", "replace")) > _MOST_BYTES // 2)
        or any(sign in label for sign in separators)
    ):
        raise _unholdable(clip, label, layout)


def _unholdable(clip: ReferenceClip, label: str, layout: str) -> ReferenceBankError:
    return ReferenceBankError(
        tr(
            "the clip {path} cannot be exported as {layout}: its label {label!r} would not be read back "
            "as it is from a file's name; give it another label, or choose infer_config",
            path=clip.path,
            layout=layout,
            label=label,
        )
    )


def _lab(clip: ReferenceClip) -> bytes:
    try:
        data = clip.text.encode("utf-8")
        if decode(data, name=clip.path.name).strip() == clip.text:
            return data
    except (UnicodeEncodeError, TranscriptError):
        pass  # refused below, like a text that comes back changed
    raise ReferenceBankError(
        tr(
            "the clip {path} cannot be exported: its text ({text!a:.60}) holds signs that no text file "
            "gives back as they are; correct the text",
            path=clip.path,
            text=clip.text,
        )
    )


def _voice_file(
    bank: ReferenceBank, placed: Sequence[Placed], *, languages_in_folders: bool
) -> dict[str, str]:
    """Write down in ``voice.yaml`` what names of files do not say: whose voice it is, its language."""
    import yaml

    held: dict[str, object] = {"voice": bank.voice}
    languages = {each.clip.language for each in placed}
    told = languages_in_folders and all(_has_folder(language) for language in languages)
    guessed = all(each.clip.language == language_of_text(each.clip.text) for each in placed)
    if len(languages) == 1 and "" not in languages and not told and not guessed:
        held["language"] = languages.pop()
    if bank.synthetic:
        held["synthetic"] = True
    if not languages_in_folders:
        held["layout"] = (
            "names"  # the label is what stands before the first _, whatever else a name holds
        )
    settings = {key: value for key, value in bank.settings.items() if key not in held}
    return {_VOICE_FILE: yaml.safe_dump({**held, **settings}, allow_unicode=True, sort_keys=False)}


def _folder_of(clip: ReferenceClip) -> str:
    # A language that packs have no name for is told by the text's script, by voice.yaml, or by the sidecar.
    return menu_name(clip.language if _has_folder(clip.language) else "")


def _has_folder(language: str) -> bool:
    return bool(language) and menu_name(language) != language


# --- names of files --------------------------------------------------------------------------------


class _Names:
    """Gives names out, each once, on file systems too that do not tell ``A`` from ``a``."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def free(self, stem: str, suffix: str, *, numbered: bool = False) -> str:
        """Return ``stem + suffix``, with a number where that is taken, or always when `numbered`."""
        key = unicodedata.normalize("NFC", stem + suffix).casefold()
        while True:
            count = self._next.get(key, 1)
            self._next[key] = count + 1
            if numbered:
                name = f"{stem}{count:03d}{suffix}"
            else:
                name = stem + suffix if count == 1 else f"{stem} ({count}){suffix}"
            folded = unicodedata.normalize("NFC", name).casefold()
            if folded not in self._taken:
                self._taken.add(folded)
                return name


def _plain(text: str) -> str:
    """Return a text as a file's name can hold it: look-alikes for forbidden signs, nothing at its ends."""
    spaced = re.sub(r"\s+", " ", text)
    shown = "".join(sign for sign in spaced if sign.isprintable())
    return shown.translate(_LOOK_ALIKES).strip().rstrip(". ")


def _cut(text: str, n_bytes: int) -> str:
    return text.encode("utf-8", "ignore")[:n_bytes].decode("utf-8", "ignore").rstrip(". ")


def _suffix(clip: ReferenceClip) -> str:
    suffix = clip.path.suffix.casefold()
    if suffix not in AUDIO_SUFFIXES:
        raise ReferenceBankError(
            tr(
                "the clip {path} cannot be exported: its ending {suffix!r} is none of an audio file; "
                "rename it",
                path=clip.path,
                suffix=suffix,
            )
        )
    return suffix
