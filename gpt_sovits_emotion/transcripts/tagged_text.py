"""Rich-text tags (SenseVoice) and GPT-SoVITS's training lists.

Sources: FunASR's SenseVoice writes ``<|zh|><|HAPPY|><|Speech|><|withitn|>text``; GPT-SoVITS reads
``wav_path|speaker|language|text`` in ``GPT_SoVITS/prepare_datasets/1-get-text.py`` and leaves out, without a
word, every row with another number of fields or another language.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath

from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.core.labels import UNSURE, canonical_label, rich_text_tag
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.transcripts.lines import Line
from gpt_sovits_emotion.transcripts.wording import clean, guard, one_line, unguard

__all__ = [
    "LIST_LANGUAGES",
    "has_rich_text_tags",
    "list_text",
    "read_list",
    "read_rich_text",
    "rich_text",
    "strip_rich_text_tags",
]

LIST_LANGUAGES = {
    "zh": "zh", "ja": "ja", "jp": "ja", "en": "en", "ko": "ko", "yue": "yue",
}  # fmt: skip
"""What a list may say (in any case) -> GPT-SoVITS's language."""

_TAG = re.compile(r"<\|(?P<name>[^|<>\n]{1,40})\|>")
_EMOTION_TAGS = frozenset(
    ("HAPPY", "SAD", "ANGRY", "NEUTRAL", "FEARFUL", "DISGUSTED", "SURPRISED", "EMO_UNKNOWN")
)
_LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(?:-[A-Za-z]{2,4})?")
_NEXT_UTTERANCE = re.compile(r"(?<=.)(?=<\|(?:[a-z]{2,3}(?:-[A-Za-z]{2,4})?|auto|nospeech)\|>)|\n")


def rich_text(lines: Sequence[Line]) -> str:
    """Write one line per segment: ``<|zh|><|HAPPY|><|Speech|><|withitn|>text``.

    The tags know eight emotions; `labels.rich_text_tag` says what becomes of the others.
    """
    rows = []
    for line in lines:
        language = line.language if _LANGUAGE_TAG.fullmatch(line.language) else "auto"
        emotion = rich_text_tag(line.label or UNSURE)
        text = guard(one_line(line.text))
        rows.append(f"<|{language}|><|{emotion}|><|Speech|><|withitn|>{text}\n")
    return "".join(rows)


def has_rich_text_tags(text: str) -> bool:
    """Say whether a text begins with a rich-text tag."""
    return _TAG.match(text.lstrip()) is not None


def strip_rich_text_tags(text: str) -> str:
    """Return the words alone.

    Examples:
        >>> strip_rich_text_tags("<|en|><|ANGRY|><|Speech|><|withitn|>Go away!")
        'Go away!'
    """
    return clean(unguard(_TAG.sub("", text)))


def read_rich_text(text: str) -> tuple[Line, ...]:
    """Read lines with rich-text tags, wherever the tags stand; lines without a word are kept.

    SenseVoice puts several utterances on one line; each begins with its language tag.
    """
    lines = []
    for row in _NEXT_UTTERANCE.split(text):
        if not row.strip():
            continue
        names = [tag["name"] for tag in _TAG.finditer(row)]
        emotion = next((name for name in names if name.upper() in _EMOTION_TAGS), None)
        language = next((name for name in names if _LANGUAGE_TAG.fullmatch(name)), "")
        lines.append(
            Line(
                text=strip_rich_text_tags(row),
                label=canonical_label(emotion) if emotion else None,
                language=language,
            )
        )
    return tuple(lines)


def list_text(lines: Sequence[Line], *, clip_paths: Sequence[Path | str], speaker: str) -> str:
    """Write a GPT-SoVITS training list: ``wav_path|speaker|language|text``, four fields, never five.

    Lines without a word are left out: there is nothing to train on. ``|`` in a text becomes a space.

    Args:
        lines: What was said.
        clip_paths: One audio file per line, as the list shall name it.
        speaker: Name of the speaker, where a line does not say who speaks.

    Raises:
        TranscriptError: The clips are not one per line, a name holds ``|`` or a line break, or a line is
            in a language that GPT-SoVITS does not train.
    """
    if len(clip_paths) != len(lines):
        raise TranscriptError(
            tr(
                "a .list needs one audio clip per segment; found {clip_paths} clips for {lines} "
                "segments: cut the recording first",
                clip_paths=len(clip_paths),
                lines=len(lines),
            )
        )
    rows = []
    for number, (line, clip_path) in enumerate(zip(lines, clip_paths, strict=True), start=1):
        text = one_line(line.text).replace("|", " ").strip()
        if not text:
            continue
        who = line.speaker.replace("|", " ").strip() or speaker
        for what, name in (("clip", str(clip_path)), ("speaker", who)):
            if not name or re.search(r"[|\r\n]", name):
                raise TranscriptError(
                    tr(
                        "the {what} name {name!r} cannot stand in a .list, whose fields are parted by "
                        "'|'; rename it",
                        name=name,
                        what=what,
                    )
                )
        language = LIST_LANGUAGES.get(line.language.casefold())
        if language is None:
            raise TranscriptError(
                tr(
                    "segment {number} is in {language!r}, and GPT-SoVITS trains zh, en, ja, ko and yue "
                    "only; set the segment's language",
                    number=number,
                    language=in_both(
                        line.language or "an unknown language", line.language or "未知"
                    ),
                )
            )
        rows.append(f"{clip_path}|{who}|{language}|{text}\n")
    return "".join(rows)


def read_list(text: str, *, name: str) -> tuple[Line, ...]:
    """Read a training list; of the six-field variant (``...|emotion|remark``) the emotion too.

    Raises:
        TranscriptError: A row has another number of fields, or there is no row.
    """
    lines = []
    for number, row in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if not row.strip():
            continue
        fields = row.split("|")
        if len(fields) not in (4, 6):
            raise TranscriptError(
                tr(
                    "{name}: row {number} has {fields} fields; expected four, "
                    "wav_path|speaker|language|text (GPT-SoVITS would leave this row out)",
                    name=name,
                    number=number,
                    fields=len(fields),
                )
            )
        audio, _, language, words = fields[:4]
        emotion = fields[4].strip() if len(fields) == 6 else ""
        lines.append(
            Line(
                text=clean(words),
                label=canonical_label(emotion) if emotion else None,
                language=LIST_LANGUAGES.get(language.strip().casefold(), language.strip()),
                # Lists are made on Windows and on Linux; this splits at either slash.
                audio=PureWindowsPath(audio.strip()).name,
            )
        )
    if not lines:
        raise TranscriptError(
            tr("{name} has no row; expected wav_path|speaker|language|text", name=name)
        )
    return tuple(lines)
