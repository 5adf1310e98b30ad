"""The layouts in which people keep reference clips, each read into plain entries.

A layout reader looks at folders, text files and JSON only; whether a clip can be used is judged later,
in `references.bank`, alike for all layouts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Any

from gpt_sovits_emotion.errors import ReferenceBankError
from gpt_sovits_emotion.labels import canonical_label, is_default_slot
from gpt_sovits_emotion.records import Sentence

__all__ = ["ClipEntry", "Listing", "language_of_text", "read_layout"]

INFER_CONFIG = "infer_config.json"
VOICE_FILE = "voice.yaml"
EXPECTED = Sentence(
    f"expected a folder per emotion with audio files in it (angry/1.wav, …), or an {INFER_CONFIG}",
    f"应为每种情感一个子文件夹、内有音频文件（angry/1.wav……），或一个 {INFER_CONFIG}",
)

_AUDIO_SUFFIXES = frozenset(
    {".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".wma", ".aif", ".aiff"}
    | {".webm", ".mp4", ".mka", ".mkv"}
)

# What GPT-SoVITS shows in its language menus (tools/i18n, inference_webui.py: dict_language), and codes.
_LANGUAGE_NAMES = {
    "中文": "zh",
    "英文": "en",
    "日文": "ja",
    "韩文": "ko",
    "粤语": "yue",
    "中英混合": "zh",
    "日英混合": "ja",
    "韩英混合": "ko",
    "粤英混合": "yue",
    "chinese": "zh",
    "english": "en",
    "japanese": "ja",
    "korean": "ko",
    "cantonese": "yue",
    "jp": "ja",
}
_MENU_PREFIX = re.compile(r"^(all|auto)_")
_GUESSED = frozenset({"", "auto", "多语种混合"})


@dataclass(frozen=True, slots=True)
class ClipEntry:
    """A clip as its layout describes it, not yet looked at.

    Attributes:
        path: Where its audio should be.
        emotion: Canonical label or free string; "" for the default slot.
        text: What is said in it; "" when unknown.
        language: Language code; "" when unknown.
    """

    path: Path
    emotion: str
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What a layout reader found.

    Attributes:
        layout: ``folders`` or ``infer_config``.
        root: Folder of the bank.
        entries: Every clip it names.
        voice: The voice's name, "" when the bank does not say.
        synthetic: Whether the bank says that a synthesiser made it.
        settings: Everything else that its file holds, as it was.
    """

    layout: str
    root: Path
    entries: tuple[ClipEntry, ...]
    voice: str = ""
    synthetic: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)


def read_layout(path: Path) -> Listing:
    """Read a bank's folder, or its ``infer_config.json`` named directly.

    Raises:
        ReferenceBankError: There is nothing there, or its file cannot be read.
    """
    if not path.exists():
        raise ReferenceBankError(
            f"there is no reference bank at {path}; {EXPECTED.en}",
            zh=f"{path} 处没有参考音库；{EXPECTED.zh}",
        )
    try:
        if path.is_file():
            if path.suffix.casefold() != ".json":
                raise ReferenceBankError(
                    f"{path} is a file; {EXPECTED.en}", zh=f"{path} 是文件；{EXPECTED.zh}"
                )
            return _read_infer_config(path)
        if (path / INFER_CONFIG).is_file():
            return _read_infer_config(path / INFER_CONFIG)
        return _read_folders(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ReferenceBankError(
            f"the reference bank {path} cannot be read ({reason})",
            zh=f"无法读取参考音库 {path}（{reason}）",
        ) from error


def language_of_text(text: str) -> str:
    """Guess the language among those of cloned voices (zh, ja, ko, en) by the script of `text`.

    Kana decide for Japanese before Han characters do for Chinese. Latin letters are taken for English:
    a bank in another Latin-script language says so in its ``voice.yaml``. "" when nothing is known.

    Examples:
        >>> [language_of_text(text) for text in ("你好", "犬です", "안녕", "Hello 2", "123", "Привет")]
        ['zh', 'ja', 'ko', 'en', '', '']
    """
    for code, script in (
        ("ja", r"[\u3040-\u30ff\uff66-\uff9f]"),
        ("ko", r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]"),
        ("zh", r"[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0002ebef]"),
        ("en", r"[A-Za-z]"),
    ):
        if re.search(script, text):
            return code
    return ""


# --- a folder per emotion ------------------------------------------------------------------------


def _read_folders(root: Path) -> Listing:
    settings = _read_voice_file(root / VOICE_FILE)
    voice = str(settings.pop("voice", "") or "")
    language = _language_code(str(settings.pop("language", "") or ""))
    synthetic = settings.pop("synthetic", False) is True
    entries: list[ClipEntry] = []
    for folder in sorted(root.iterdir()):
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        emotion = _emotion(folder.name)
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or path.suffix.casefold() not in _AUDIO_SUFFIXES:
                continue
            text = _text_beside(path)
            entries.append(ClipEntry(path, emotion, text, language or language_of_text(text)))
    return Listing("folders", root, tuple(entries), voice, synthetic, settings)


def _read_voice_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    import yaml

    try:
        held = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        first_line = str(error).splitlines()[0]
        raise ReferenceBankError(
            f"{path} is not readable YAML ({first_line}); correct it or remove it",
            zh=f"{path} 不是可读的 YAML（{first_line}）；请改正或删除",
        ) from error
    if held is None:
        return {}
    if not isinstance(held, dict):
        raise ReferenceBankError(
            f"{path} holds a {type(held).__name__}; names with values (voice: …, language: …) were expected",
            zh=f"{path} 的内容是 {type(held).__name__}；应为名称和值（voice: …, language: …）",
        )
    return {str(key): value for key, value in held.items()}


def _text_beside(path: Path) -> str:
    for suffix in (".lab", ".txt"):
        beside = path.with_suffix(suffix)
        if beside.is_file():
            return _decode(beside.read_bytes()).strip()
    return ""


def _decode(data: bytes) -> str:
    # Transcripts from Windows tools in China are often GBK; bytes that are valid UTF-8 hardly ever are.
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030", errors="replace")


# --- infer_config.json of GPT-SoVITS-Inference -----------------------------------------------------


def _read_infer_config(path: Path) -> Listing:
    try:
        held = json.loads(_decode(path.read_bytes()))
    except ValueError as error:
        raise ReferenceBankError(
            f"{path} is not readable JSON ({error}); correct it in a text editor",
            zh=f"{path} 不是可读的 JSON（{error}）；请用文本编辑器改正",
        ) from error
    listed = held.get("emotion_list") if isinstance(held, dict) else None
    if not isinstance(listed, dict):
        raise ReferenceBankError(
            f"{path} has no emotion_list; "
            '{"emotion_list": {"default": {"ref_wav_path": …, "prompt_text": …}}} was expected',
            zh=f"{path} 没有 emotion_list；"
            '应为 {"emotion_list": {"default": {"ref_wav_path": …, "prompt_text": …}}}',
        )
    entries = tuple(_infer_config_entry(path, str(name), slot) for name, slot in listed.items())
    settings = {str(key): value for key, value in held.items() if key != "emotion_list"}
    synthetic = settings.get("synthetic") is True
    return Listing("infer_config", path.parent, entries, "", synthetic, settings)


def _infer_config_entry(config: Path, name: str, slot: object) -> ClipEntry:
    wav = slot.get("ref_wav_path") if isinstance(slot, dict) else None
    if not isinstance(slot, dict) or not isinstance(wav, str) or not wav.strip():
        raise ReferenceBankError(
            f"{config}: the emotion {name!r} has no ref_wav_path; name its clip there or remove the emotion",
            zh=f"{config}：情感 {name!r} 没有 ref_wav_path；请在那里写明片段，或删除该情感",
        )
    text = str(slot.get("prompt_text") or "").strip()
    language = _language_code(str(slot.get("prompt_language") or ""))
    # The file may have been written on Windows; its separators are no separators elsewhere.
    relative = PureWindowsPath(wav.strip())
    clip = Path(wav.strip()) if Path(wav.strip()).is_absolute() else Path(*relative.parts)
    return ClipEntry(config.parent / clip, _emotion(name), text, language or language_of_text(text))


def _emotion(name: str) -> str:
    return "" if is_default_slot(name) else canonical_label(name)


def _language_code(name: str) -> str:
    name = _MENU_PREFIX.sub("", name.strip().casefold())
    return "" if name in _GUESSED else _LANGUAGE_NAMES.get(name, name)
