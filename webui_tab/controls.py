"""Kinds of controls that settings are shown with, and what the menus among them offer. No Gradio here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from types import MappingProxyType
from typing import Any, Protocol

from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.heads import HeadEntry
from gpt_sovits_emotion.transcription.options import AUTO
from gpt_sovits_emotion.transcripts.encodings import ENCODING_NAMES

__all__ = [
    "ANYBODY",
    "ENTRY_TEXTS",
    "SAMPLE_VOICE",
    "SPOKEN_LANGUAGES",
    "WHISPER_SIZES",
    "Control",
    "Entry",
    "Line",
    "Menu",
    "Number",
    "Offer",
    "Suggestions",
    "Text",
    "carry_entries",
    "control_of",
    "encoding_entries",
    "head_entries",
    "shown_as",
    "spoken_entries",
    "texts_of",
    "voice_entries",
    "whisper_entries",
]

SAMPLE_VOICE = "sample"
"""What stands for the bank that comes with the package, where a path is expected."""

WHISPER_SIZES = ("small", "medium", "large-v3-turbo", "large-v3", "base", "tiny")
"""The sizes offered by name, besides `AUTO`; any other that the hub holds can be typed."""

ANYBODY = "–"
"""What stands in the menu of speakers for none in particular, in either language."""

SPOKEN_LANGUAGES: Mapping[str, Sentence] = MappingProxyType(
    {
        "zh": tr("Chinese"),
        "en": tr("English"),
        "ja": tr("Japanese"),
        "ko": tr("Korean"),
        "yue": tr("Cantonese"),
        "de": tr("German"),
        "fr": tr("French"),
        "es": tr("Spanish"),
        "it": tr("Italian"),
        "pt": tr("Portuguese"),
        "ru": tr("Russian"),
    }
)
"""Languages offered by name; any other code that Whisper knows can be typed."""

Text = Sentence
"""English, Chinese."""
Entry = tuple[Sentence, str]
"""What a menu shows, and what it means."""


class Offer(Protocol):
    """What is here to be chosen from; `app_context.AppContext` is one."""

    @property
    def allow_download(self) -> bool:
        """Whether a Whisper model that is not on this machine may be fetched."""

    def heads(self) -> tuple[HeadEntry, ...]:
        """Return the heads that can be chosen now."""

    def has_whisper(self, name: str) -> bool:
        """Say whether a Whisper model lies on this machine."""


# --- kinds of controls -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """How a setting is shown, and how what the page sends for it is read.

    Attributes:
        label: Its name.
        info: What to know of it.
        place: Where it stands; the layout asks for a place at a time.
        kind: Gradio's component.
        consent: Whether it is a line to tick before anything is done, which is shown as such.
        layout: Further properties of the component, in the words of Gradio 4.
    """

    label: Text
    info: Text | None = None
    place: str = ""
    kind: str = "Checkbox"
    consent: bool = False
    layout: Mapping[str, object] = field(default_factory=dict)

    def properties(self, default: Any, offer: Offer, language: str) -> dict[str, Any]:
        """Return what the component is made with, in the words of Gradio."""
        return {"elem_classes": ["emo-consent"]} if self.consent else {"value": default}

    def read(self, sent: Any, default: Any, offer: Offer) -> object:
        """Return the setting for what its component sent, which was checked (`inputs.checked`)."""
        return bool(sent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Control):
    """A number within limits; a whole one where the default is."""

    kind: str = "Slider"
    low: float
    high: float
    step: float = 1

    def properties(self, default: Any, offer: Offer, language: str) -> dict[str, Any]:
        """Return limits and value."""
        limits = {"minimum": self.low, "maximum": self.high, "value": default}
        return {**limits, **({"step": self.step} if self.kind == "Slider" else {"precision": 0})}

    def read(self, sent: Any, default: Any, offer: Offer) -> object:
        """Return the number; the default for an emptied field."""
        return default if sent is None else type(default)(sent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line(Control):
    """A text; blanks around it do not count."""

    kind: str = "Textbox"

    def properties(self, default: Any, offer: Offer, language: str) -> dict[str, Any]:
        """Return the value."""
        return {"value": default}

    def read(self, sent: Any, default: Any, offer: Offer) -> object:
        """Return the text."""
        return (sent or "").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestions(Control):
    """A menu whose entries the page's events fill, and into which anything can be typed.

    Attributes:
        first: The entry that is there from the beginning.
        nothing: The entry that stands for nothing.
        several: Whether several can be chosen.
    """

    kind: str = "Dropdown"
    first: str | None = None
    nothing: str | None = None
    several: bool = False

    def properties(self, default: Any, offer: Offer, language: str) -> dict[str, Any]:
        """Return the menu as it is before anything fills it."""
        if self.several:
            return {"choices": [], "value": [], "multiselect": True, "allow_custom_value": True}
        choices = [] if self.first is None else [self.first]
        return {"choices": choices, "value": self.first, "allow_custom_value": True}

    def read(self, sent: Any, default: Any, offer: Offer) -> object:
        """Return what was chosen or typed."""
        if self.several:
            return tuple(sent)
        return "" if sent in (None, self.nothing) else sent.strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu(Control):
    """A menu whose entries have names in both languages.

    Attributes:
        entries: What can be chosen now.
        at_first: What is offered until a page is opened, as it is: looking takes time, and a host that is
            starting should not wait for it. The entries when empty.
        closed: Whether nothing can be typed, so that anything else is refused.
        named: Whether entries have names; else they are what they mean, and what is chosen stays as it is.
    """

    kind: str = "Dropdown"
    entries: Callable[[Offer], Iterable[Entry]]
    at_first: tuple[str, ...] = ()
    closed: bool = False
    named: bool = True

    def choices(self, offer: Offer, language: str) -> dict[str, str]:
        """Return what is offered: name in the page's language -> meaning."""
        return {name.say(language): meaning for name, meaning in self.entries(offer)}

    def meaning(self, shown: str | None, offer: Offer) -> str:
        """Return what an entry means, in whichever language; what a person typed means itself."""
        shown = (shown or "").strip()
        for name, meaning in self.entries(offer):
            if shown in (name.en, name.zh):
                return meaning
        return shown

    def name(self, meaning: str, offer: Offer, language: str) -> str:
        """Return how an entry is named in a language."""
        found = (name.say(language) for name, means in self.entries(offer) if means == meaning)
        return next(found, meaning)

    def properties(self, default: Any, offer: Offer, language: str) -> dict[str, Any]:
        """Return the entries, of which the first is chosen."""
        offered = list(self.at_first or self.choices(offer, language))
        typed = {"allow_custom_value": True} if self.kind == "Dropdown" else {}
        return {"choices": offered, "value": offered[0] if offered else None, **typed}

    def read(self, sent: Any, default: Any, offer: Offer) -> object:
        """Return what was chosen or typed."""
        meaning = self.meaning(sent, offer)
        return meaning or default if self.closed else meaning


def control_of(setting: Field[Any]) -> Control | None:
    """Return how a field of a dataclass is shown; None where it is no setting."""
    control: Control | None = setting.metadata.get("control")
    return control


def texts_of(*forms: type) -> dict[str, Text]:
    """Return the texts of the settings of dataclasses: the key of each is its name, or that and ``_info``."""
    texts: dict[str, Text] = {}
    for setting in (one for form in forms for one in fields(form)):
        control = control_of(setting)
        if control is not None:
            texts[setting.name] = control.label
            if control.info is not None:
                texts[f"{setting.name}_info"] = control.info
    return texts


def shown_as(control: Control) -> Mapping[str, Control]:
    """Return the metadata of a dataclass's field that is a setting."""
    return {"control": control}


# --- what menus offer --------------------------------------------------------------------------------

ENTRY_TEXTS: Mapping[str, Text] = {
    "whisper_here": tr("{name} (on this machine)"),
    "whisper_absent": tr("{name} (downloaded on first use)"),
    "whisper_none": tr("none: find the speech, no words"),
    "whisper_auto": tr("auto: small where it is on this machine, else base"),
    "spoken_auto": tr("detect"),
    "voice_sample": tr("sample voice (synthetic)"),
    "encoding_auto": tr("found out"),
    "carry_clip": tr("a clip of the voice in that emotion"),
    "carry_recording": tr("the recording itself"),
}


def _entry(key: str, meaning: str, **given: str) -> Entry:
    text = ENTRY_TEXTS[key]
    return Sentence(text.en.format(**given), text.zh.format(**given)), meaning


def whisper_entries(offer: Offer) -> tuple[Entry, ...]:
    """Return the speech recognition models that are offered.

    First the model `AUTO`, then sizes that lie on this machine; the others would be fetched on first use.
    """
    from gpt_sovits_emotion.transcription import NO_MODEL

    here = [size for size in WHISPER_SIZES if offer.has_whisper(size)]
    absent = [size for size in WHISPER_SIZES if size not in here and offer.allow_download]
    return (
        _entry("whisper_auto", AUTO),
        *(_entry("whisper_here", size, name=size) for size in here),
        *(_entry("whisper_absent", size, name=size) for size in absent),
        _entry("whisper_none", NO_MODEL),
    )


def spoken_entries(_: Offer) -> tuple[Entry, ...]:
    """Return the spoken languages that are offered; "" for detecting it."""
    named = tuple((name, code) for code, name in SPOKEN_LANGUAGES.items())
    return (_entry("spoken_auto", ""), *named)


def voice_entries(_: Offer) -> tuple[Entry, ...]:
    """Return the voices that are offered: the sample's; a path can be typed."""
    return (_entry("voice_sample", SAMPLE_VOICE),)


def head_entries(offer: Offer) -> tuple[Entry, ...]:
    """Return the heads that can be used."""
    return tuple((Sentence(entry.id, entry.id), entry.id) for entry in offer.heads())


def encoding_entries(_: Offer) -> tuple[Entry, ...]:
    """Return the encodings offered for a file of words; "" for finding it out."""
    named = tuple(
        (Sentence(f"{code} · {name}", f"{code} · {name}"), code)
        for code, name in ENCODING_NAMES.items()
    )
    return (_entry("encoding_auto", ""), *named)


def carry_entries(_: Offer) -> tuple[Entry, ...]:
    """Return the ways in which emotion is carried (`ProsodySource.way`)."""
    return (_entry("carry_clip", "clip"), _entry("carry_recording", "recording"))
