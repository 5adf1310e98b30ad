"""Every setting of the first page, each in one place: its names, its default, how it is shown and read.

A setting is a field of one of the dataclasses below. From it the component is made (`components`), the events
that ask for it read it (`inputs`), its texts are said in both languages (`texts`), and a menu is named anew
when the page changes its language (`listen.showing`). To add one, add a field here, and use it where the page
works with the dataclass: nothing between the two knows it by name. No Gradio here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType

from gpt_sovits_emotion.backends.base import Sampling
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.engines import DEFAULT_HEAD
from gpt_sovits_emotion.transcription.options import AUTO
from webui_tab.controls import (
    ANYBODY,
    ENTRY_TEXTS,
    SAMPLE_VOICE,
    WHISPER_SIZES,
    Control,
    Line,
    Menu,
    Number,
    Suggestions,
    Text,
    carry_entries,
    control_of,
    encoding_entries,
    head_entries,
    shown_as,
    spoken_entries,
    texts_of,
    voice_entries,
    whisper_entries,
)

__all__ = [
    "MENUS",
    "SETTINGS",
    "SETTING_TEXTS",
    "AnalysisSettings",
    "SpeakingSettings",
    "VoiceSettings",
]

_USUAL = Sampling()


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    """Which voice says it again.

    Attributes:
        voice: The sample's, or a path.
        consent: Whether the line about consent is ticked.
    """

    voice: str = field(
        default=SAMPLE_VOICE,
        metadata=shown_as(
            Menu(
                label=tr("Voice (reference bank)"),
                info=tr(
                    "Or the path of a folder with a sub-folder per emotion, or of an infer_config.json."
                ),
                place="voice",
                entries=voice_entries,
            )
        ),
    )
    consent: bool = field(
        default=False,
        metadata=shown_as(
            Control(
                label=tr(
                    "I may analyse this recording and use this voice: everyone who speaks in them has "
                    "agreed. It is done on the machine that serves this page only, nothing is sent any "
                    "further, and nothing is kept after this page is closed unless I save it. How "
                    "somebody feels is sensitive information."
                ),
                place="consent",
                consent=True,
            )
        ),
    )


@dataclass(frozen=True, slots=True)
class AnalysisSettings:
    """How to analyse.

    Attributes:
        whisper: Whisper model: a size, a folder, ``auto`` or ``none``.
        spoken_language: Its code; "" to detect it.
        head: Id or folder of the head.
        speaker: One whom the head was fitted to (`heads.profiles`); "" for nobody in particular.
        initial_prompt: As in `transcribe.TranscribeOptions`.
        hotwords: As there.
        encoding: Of the file of words; "" to find it out.
        same_voice: Whether it is the chosen voice that speaks in the recording: what its bank knows of it is
            then the usual that segments are judged against.
        speaker_statistics: Judge against the recording's own segments as far as they seem to be in several
            moods; never when False.
        smoothing: As in `tag.TagOptions`.
    """

    whisper: str = field(
        default=AUTO,
        metadata=shown_as(
            Menu(
                label=tr("Speech recognition (Whisper model)"),
                info=tr("Or the path of a folder with a faster-whisper model."),
                place="words",
                entries=whisper_entries,
                at_first=(AUTO, *WHISPER_SIZES),
            )
        ),
    )
    spoken_language: str = field(
        default="",
        metadata=shown_as(Menu(label=tr("Spoken language"), place="words", entries=spoken_entries)),
    )
    head: str = field(
        default=DEFAULT_HEAD,
        metadata=shown_as(
            Menu(
                label=tr("Emotion head"),
                place="head",
                entries=head_entries,
                named=False,
            )
        ),
    )
    speaker: str = field(
        default="",
        metadata=shown_as(
            Suggestions(
                label=tr("Speaker"),
                info=tr(
                    "One whom this head was fitted to on the page “Train heads”; – for anybody."
                ),
                place="more",
                first=ANYBODY,
                nothing=ANYBODY,
            )
        ),
    )
    initial_prompt: str = field(
        default="",
        metadata=shown_as(
            Line(
                label=tr("Text before the first words"),
                info=tr(
                    "Whisper goes on in its style and spelling: punctuation, simplified or traditional "
                    "characters."
                ),
                place="more",
            )
        ),
    )
    hotwords: str = field(
        default="",
        metadata=shown_as(
            Line(
                label=tr("Names and words that are likely to be said"),
                info=tr(
                    "Together with the text above at most 220 tokens: some 150 words, or 110 Chinese "
                    "characters."
                ),
                place="more",
            )
        ),
    )
    encoding: str = field(
        default="",
        metadata=shown_as(
            Menu(
                label=tr("Encoding of the file of words"),
                info=tr(
                    "Found out by itself; name it, such as gb18030 or big5, if letters come out wrong."
                ),
                place="more",
                entries=encoding_entries,
            )
        ),
    )
    same_voice: bool = field(
        default=False,
        metadata=shown_as(
            Control(
                label=tr(
                    "The chosen voice speaks in this recording: judge it against its own bank"
                ),
                place="more",
            )
        ),
    )
    speaker_statistics: bool = field(
        default=True,
        metadata=shown_as(
            Control(
                label=tr(
                    "Judge against this speaker’s own usual, as far as there are several moods (off for "
                    "a crowd)"
                ),
                place="more",
            )
        ),
    )
    smoothing: float = field(
        default=0.0,
        metadata=shown_as(
            Number(
                label=tr("Smoothing over neighbouring segments"),
                place="more",
                low=0,
                high=1,
                step=0.05,
            )
        ),
    )


@dataclass(frozen=True, slots=True)
class SpeakingSettings:
    """How to say it again; all but `takes`, `carry` and `directions` where the host samples.

    Attributes:
        takes: How many syntheses of each segment are made, of which the best is kept.
        carry: How the emotion is carried (`ProsodySource.way`).
        directions: Whether stage directions, music signs and names of speakers are said.
        speed: See `hosts.base.Sampling`.
        temperature: As there.
        top_p: As there.
        top_k: As there.
        seed: Of the first segment; each further one has the next.
        timbre: Names of the voice's clips that set the timbre alone, where the host takes them.
    """

    takes: int = field(
        default=1,
        metadata=shown_as(
            Number(
                label=tr("Takes of each segment"),
                info=tr(
                    "With more than one, other clips and seeds are tried too; the take whose emotion and "
                    "words survive best is kept, with its numbers."
                ),
                place="takes",
                low=1,
                high=8,
            )
        ),
    )
    carry: str = field(
        default="clip",
        metadata=shown_as(
            Menu(
                label=tr("The emotion comes from"),
                info=tr(
                    "The recording itself keeps its very intonation, and the voice's clips give the "
                    "timbre alone: v1, v2, v2Pro and v2ProPlus."
                ),
                place="carry",
                kind="Radio",
                entries=carry_entries,
                closed=True,
            )
        ),
    )
    directions: bool = field(
        default=True,
        metadata=shown_as(
            Control(
                label=tr("Say stage directions, ♪ and speakers’ names too"),
                info=Sentence(
                    "[door slams], (laughs), （叹气）, dashes and “MIKE:” in the words; left out, a "
                    "line says which.",
                    "文字中的 [door slams]、(laughs)、（叹气）、破折号和“MIKE:”；不朗读时会列出。",
                ),
                place="directions",
            )
        ),
    )
    speed: float = field(
        default=1.0,
        metadata=shown_as(
            Number(label=tr("Speed"), place="sampling", low=0.6, high=1.65, step=0.05)
        ),
    )
    temperature: float = field(
        default=_USUAL.temperature,
        metadata=shown_as(
            Number(
                label=Sentence("temperature", "temperature"),
                place="sampling",
                low=0.05,
                high=1,
                step=0.05,
            )
        ),
    )
    top_p: float = field(
        default=_USUAL.top_p,
        metadata=shown_as(
            Number(label=Sentence("top_p", "top_p"), place="sampling", low=0.05, high=1, step=0.05)
        ),
    )
    top_k: int = field(
        default=_USUAL.top_k,
        metadata=shown_as(
            Number(label=Sentence("top_k", "top_k"), place="sampling", low=1, high=100)
        ),
    )
    seed: int = field(
        default=0,
        metadata=shown_as(
            Number(
                label=tr("Seed (the same seed says it the same way)"),
                place="sampling",
                kind="Number",
                low=0,
                high=2**32 - 1,
            )
        ),
    )
    timbre: tuple[str, ...] = field(
        default=(),
        metadata=shown_as(
            Suggestions(
                label=tr("Further clips that set the timbre alone"),
                info=tr(
                    "With v1, v2, v2Pro and v2ProPlus: the reference gives the emotion, these clips give "
                    "the timbre."
                ),
                place="timbre",
                several=True,
            )
        ),
    )

    @property
    def sampling(self) -> Sampling:
        """How the host is to sample."""
        return Sampling(
            top_k=self.top_k, top_p=self.top_p, temperature=self.temperature, speed=self.speed
        )


SETTINGS: Mapping[str, Control] = MappingProxyType(
    {
        setting.name: control
        for settings in (VoiceSettings, AnalysisSettings, SpeakingSettings)
        for setting in fields(settings)
        if (control := control_of(setting)) is not None
    }
)
"""Name of a setting, and of its component -> how it is shown."""

MENUS: Mapping[str, Menu] = MappingProxyType(
    {name: control for name, control in SETTINGS.items() if isinstance(control, Menu)}
)
"""Those whose entries follow what is here, and the language of the page."""

SETTING_TEXTS: Mapping[str, Text] = MappingProxyType(
    {**ENTRY_TEXTS, **texts_of(VoiceSettings, AnalysisSettings, SpeakingSettings)}
)
"""Key of a text -> English, Chinese."""
