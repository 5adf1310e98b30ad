"""Which track of a file is heard, and which others lie beside it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpt_sovits_emotion.audio.opening import open_bytes, open_stream
from gpt_sovits_emotion.core.errors import AudioError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence

if TYPE_CHECKING:
    import av.container

__all__ = ["Tracks", "frames_per_s"]

_DEFAULT = 0x1  # AV_DISPOSITION_DEFAULT
_COVER = 0x400  # AV_DISPOSITION_ATTACHED_PIC: a picture of the album, at no time
_LOCKED = frozenset(
    {"enca", "drms", "drmi", "aavd", "aax "}
)  # sample entries of encrypted sound in MP4


@dataclass(frozen=True, slots=True)
class Tracks:
    """The sound track that is heard, and all tracks that tell of time.

    Attributes:
        sound: PyAV's stream.
        all: It, pictures, other sound and subtitles; no covers.
        number: Which sound track it is, from 1.
        n_sound: How many sound tracks there are.
    """

    sound: Any
    all: tuple[Any, ...]
    number: int
    n_sound: int

    @classmethod
    def of(cls, container: av.container.InputContainer, name: str) -> Tracks | None:
        """Choose the sound track: the default one, else the first, of those that can be decoded.

        Args:
            container: The open file.
            name: What to call it.

        Returns:
            None where the tracks tell no sampling rate: it is hardly audio.

        Raises:
            AudioError: There is no sound track, or none that could be decoded.
        """
        sounds = list(container.streams.audio)
        if not sounds:
            raise AudioError(
                tr(
                    "{name} holds no sound track; a recording, or a video with sound, was expected",
                    name=name,
                )
            )
        decodable = [track for track in sounds if track.codec_context is not None]
        if not decodable:
            raise AudioError(
                tr(
                    "{name} holds sound in a format for which there is no decoder here; convert it to "
                    "wav, flac or m4a with the program that made it",
                    name=name,
                )
            )
        usable = [track for track in decodable if _rate_hz(track) and _n_channels(track)]
        if not usable:
            return None
        sound = next((track for track in usable if _disposition(track) & _DEFAULT), usable[0])
        others = [
            track
            for track in container.streams
            if track.type in ("video", "audio", "subtitle")
            and not _disposition(track) & _COVER
            and track.index != sound.index
        ]
        return cls(sound, (sound, *others), sounds.index(sound) + 1, len(sounds))

    @property
    def sampling_rate_hz(self) -> int:
        """Of the sound."""
        return _rate_hz(self.sound)

    @property
    def n_channels(self) -> int:
        """Of the sound."""
        return _n_channels(self.sound)

    @property
    def is_locked(self) -> bool:
        """Whether the sound is encrypted."""
        try:
            return str(getattr(self.sound.codec_context, "codec_tag", "")) in _LOCKED
        except UnicodeDecodeError:  # a number, such as 0xff for AAC in AVI, and no four letters
            return False

    @property
    def duration_s(self) -> float:
        """What the container says of the sound's length; 0.0 where it says nothing."""
        if self.sound.duration is None or self.sound.time_base is None:
            return 0.0
        return max(float(self.sound.duration * self.sound.time_base), 0.0)

    @property
    def start_s(self) -> float:
        """Time stamp at which the sound starts; 0.0 where the container does not say it."""
        if self.sound.start_time is None or self.sound.time_base is None:
            return 0.0
        return float(self.sound.start_time * self.sound.time_base)

    @property
    def others_start_s(self) -> float | None:
        """Time stamp at which the first of the other tracks starts; None where no other says it."""
        starts = [
            float(track.start_time * track.time_base)
            for track in self.all[1:]
            if track.type in ("video", "audio") and track.start_time is not None and track.time_base
        ]
        return min(starts, default=None)

    @property
    def warnings(self) -> tuple[Sentence, ...]:
        """Which of several sound tracks is heard."""
        if self.n_sound == 1:
            return ()
        title = _title(self.sound)
        return (
            tr(
                "the file has {n_sound} sound tracks: number {number}{title} was taken",
                n_sound=self.n_sound,
                number=self.number,
                title=title,
            ),
        )


def frames_per_s(path: str | Path) -> float | None:
    """Return how many pictures a second a film has; None where a file has none, or is no film.

    Subtitles may count their times in them.
    """
    import av

    try:
        with closing(open_bytes(Path(path))) as stream, open_stream(stream) as container:
            pictures = [
                track for track in container.streams.video if not _disposition(track) & _COVER
            ]
            return next((float(each.average_rate) for each in pictures if each.average_rate), None)
    except (AudioError, av.error.FFmpegError, OSError, ValueError, OverflowError):
        return None  # whoever reads its sound says why


def _rate_hz(track: Any) -> int:
    return int(track.codec_context.sample_rate or 0)


def _n_channels(track: Any) -> int:
    return int(track.codec_context.channels or 0)


def _disposition(track: Any) -> int:
    return int(getattr(track, "disposition", 0) or 0)


def _title(track: Any) -> str:
    """Return what a track is called, in brackets and without control characters."""
    named = [track.metadata.get(key, "") for key in ("language", "title")]
    said = ", ".join(word for word in named if word and word != "und")
    printable = "".join(sign if sign.isprintable() else " " for sign in said)[:60].strip()
    return f" ({printable})" if printable else ""
