"""Decode a sound track of any file to mono float32 chunks on the film's time line, and say what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from gpt_sovits_emotion.audio.claims import (
    has_length_tag,
    is_cut_off,
    is_one_ogg,
    wav_share_present,
    wav_share_untold,
)
from gpt_sovits_emotion.audio.holes import AmrHoles, holes_warning, is_lost_within
from gpt_sovits_emotion.audio.mixdown import Mixdown
from gpt_sovits_emotion.audio.opening import locked_error, not_audio_error, open_stream
from gpt_sovits_emotion.audio.timeline import Timeline
from gpt_sovits_emotion.audio.tracks import Tracks
from gpt_sovits_emotion.core.errors import AudioError
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.records import Sentence

if TYPE_CHECKING:
    import av.audio.frame
    import av.container
    import av.packet

__all__ = ["Decoder", "check_rate"]

_MISSING_S = 0.5
_MISSING_OF_ALL_TRACKS_S = (
    1.0  # of the tracks of a film, none need end exactly where the header says
)
_MISSING_SHARE = 0.01
_MOST_DAMAGED = 10_000
_UNTOLD_S = 0.2  # shorter rests are tags of some program
_CUT_FRAMES = 2  # a broadcast that is cut out anywhere begins and ends within a frame
_SILENCE_BLOCK_S = 10.0

# What these say of a track's length comes from their own header.
_TELL_LENGTH = frozenset(
    {"wav", "w64", "aiff", "caf", "flac", "au", "tta", "wv", "ape", "mov,mp4,m4a,3gp,3g2,mj2"}
)
# What these say holds for the longest of their tracks: the sound may end before the picture.
_TELL_LENGTH_OF_ALL = frozenset({"matroska,webm", "flv", "asf", "avi"})
# These are strings of frames, cut anywhere; what FFmpeg says of their length is a guess from the bit rate.
_AMR = frozenset({"amr", "amrnb", "amrwb"})
_STRINGS_OF_FRAMES = _AMR | {"mp3", "aac", "ac3", "eac3", "mpegts", "mpeg"}
# The clock of these may jump: broadcasts and live streams, cut and joined.
_CLOCK_MAY_JUMP = frozenset({"mpegts", "mpeg", "flv", "ogg"})
# Only these hold time stamps. Those of the others are counted by FFmpeg, at the rate of the first frame.
_HAVE_CLOCK = (
    _TELL_LENGTH_OF_ALL | _CLOCK_MAY_JUMP | {"mov,mp4,m4a,3gp,3g2,mj2", "nut", "mxf", "rm"}
)


class Decoder:
    """One sound track of a file, as mono float32 chunks at its own rate, from the start of the film."""

    def __init__(
        self,
        stream: BinaryIO,
        name: str,
        *,
        allow_damaged: bool,
        by_options: bool = False,
        mixdown: Mixdown | None = None,
    ) -> None:
        """Open the file.

        Args:
            stream: At its start.
            name: What to call it.
            allow_damaged: Pass over what cannot be read.
            by_options: Whether who reads of damage can ask for that with ``--allow-damaged``.
            mixdown: How its channels become one; None takes their mean.

        Raises:
            AudioError: It is not audio, holds no sound that could be decoded, or is encrypted.
        """
        import av

        self._av = av
        self.name = name
        self._mixdown = mixdown or Mixdown()
        self._allow_damaged = allow_damaged
        self._by_options = by_options
        self._n_damaged = self._n_cut = self._n_decoded = 0
        self._first_s: float | None = None
        self._stream = stream
        self._amr: AmrHoles | None = None
        self._holes: list[tuple[float, float]] = []
        self._sound_end_s = 0.0
        self._film_end_s = 0.0
        self._container: av.container.InputContainer | None = None
        try:
            container = open_stream(stream)
        except (av.error.FFmpegError, OSError, ValueError, OverflowError) as error:
            raise not_audio_error(stream, name) from error
        self._container = container
        self._kind = container.format.name
        if self._kind in _AMR:
            self._amr = AmrHoles()
        try:
            self._tracks = self._tracks_of(container)
        except AudioError:
            self.__exit__()
            raise
        self.sampling_rate_hz = self._tracks.sampling_rate_hz
        self.n_channels = self._tracks.n_channels
        self._look_at_claims(stream)
        self._timeline = Timeline(
            self.sampling_rate_hz,
            others_start_s=self._tracks.others_start_s,
            clock_may_jump=self._kind in _CLOCK_MAY_JUMP,
            may_overlap=self._kind != "ogg",
        )

    def _tracks_of(self, container: av.container.InputContainer) -> Tracks:
        tracks = Tracks.of(container, self.name)
        if tracks is None:
            raise not_audio_error(self._stream, self.name)
        if tracks.is_locked:
            raise locked_error(self.name)
        check_rate(tracks.sampling_rate_hz, self.name)
        return tracks

    def _look_at_claims(self, stream: BinaryIO) -> None:
        """Take down what the file's own header says of its length."""
        assert self._container is not None
        track_s = self._tracks.duration_s
        film_s = (self._container.duration or 0) / self._av.time_base
        self.announced_s = 0.0
        self.expected_s = track_s or film_s
        self._promised_film_s = film_s if self._kind in _TELL_LENGTH_OF_ALL else 0.0
        at = stream.tell()
        stream.seek(0)
        self._share_present = 1.0
        self._untold_s = 0.0
        if self._kind == "wav":
            share = wav_share_present(stream)
            self._share_present = share or 1.0
            self.announced_s = track_s if share else 0.0
            self._untold_s = track_s * wav_share_untold(stream)
        elif (
            self._kind in _TELL_LENGTH
            or (self._kind == "mp3" and has_length_tag(stream))
            or (self._kind == "ogg" and is_one_ogg(stream))
        ):
            self.announced_s = track_s
        self._is_cut_off = is_cut_off(stream, self._kind)
        stream.seek(at)

    @property
    def told_s(self) -> float:
        """The length on the time line that the header tells; 0.0 where only decoding does."""
        if self._tracks.others_start_s is not None:
            return 0.0  # the sound may start late, and end before the picture
        if self.announced_s:
            return self.announced_s
        return 0.0 if self._tracks.start_s else self._promised_film_s

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *_: object) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None

    def __iter__(self) -> Iterator[np.ndarray]:
        for stamp_s, samples in self._packed():
            mono = self._mixdown(samples)
            yield from self._in_place_of_zeros()
            self._n_decoded += len(mono)
            placement = self._timeline.place(stamp_s, len(mono))
            yield from self._silence(placement.n_silent)
            if placement.n_left_out:
                mono = mono[placement.n_left_out :]
            yield mono
        self._check_whole()
        if self._timeline.gaps and is_lost_within(self._stream, self._kind):
            self._holes += self._timeline.gaps

    @property
    def warnings(self) -> tuple[Sentence, ...]:
        """What a person should know: damage, jumps of the clock, which track and channel was taken."""
        said = self._tracks.warnings + self._mixdown.warnings
        if self._n_cut:
            said += (tr("the last frame is cut in two: something may be missing at the end"),)
        if self._holes:
            said += (holes_warning(self._holes),)
        if self._untold_s >= _UNTOLD_S:
            said += (
                tr(
                    "behind the sound that its header tells of, the file holds about {untold_s:.1f} s more, "
                    "which were left out: was it joined, or its header never finished? Export it again",
                    untold_s=self._untold_s,
                ),
            )
        if self._kind != "ogg":  # where recordings joined end to end are one valid file
            said += self._timeline.warnings
        if self._n_damaged or self._missing_s or self._is_cut_off:
            of, of_zh = self._of_how_much()
            return (
                tr(
                    "the file is damaged or cut off; {decoded_s:.1f} s{of} could be read",
                    decoded_s=self._decoded_s,
                    of=in_both(of, of_zh),
                ),
                *said,
            )
        return said

    @property
    def _decoded_s(self) -> float:
        return self._n_decoded / self.sampling_rate_hz

    @property
    def _missing_s(self) -> float:
        """How much shorter the file is than its own header says; 0.0 where it says nothing."""
        least_s = _MISSING_S
        if self.announced_s:
            spanned_s = self._sound_end_s - (self._first_s or 0.0)
            missing_s = self._whole_s - max(self._decoded_s, spanned_s)
        else:
            missing_s = self._whole_s - max(self._film_end_s, self._sound_end_s)
            least_s = _MISSING_OF_ALL_TRACKS_S
        return missing_s if missing_s > max(least_s, _MISSING_SHARE * self._whole_s) else 0.0

    @property
    def _whole_s(self) -> float:
        """The length that the header promises; 0.0 where it promises nothing."""
        if self._share_present < 1.0:
            return self._decoded_s / self._share_present  # FFmpeg's length may be of the rest alone
        return self.announced_s or self._promised_film_s

    def _in_place_of_zeros(self) -> Iterator[np.ndarray]:
        """Yield silence as long as what zeros in AMR stand in place of."""
        missing_s = self._amr.taken_s() if self._amr is not None else 0.0
        if missing_s:
            n_samples = round(missing_s * self.sampling_rate_hz)
            self._holes.append((self._timeline.end_s, missing_s))
            self._timeline.place(None, n_samples)
            yield from self._silence(n_samples)

    def _silence(self, n_samples: int) -> Iterator[np.ndarray]:
        block = round(_SILENCE_BLOCK_S * self.sampling_rate_hz)
        for first in range(0, n_samples, block):
            yield np.zeros(min(block, n_samples - first), np.float32)

    def _packed(self) -> Iterator[tuple[float | None, np.ndarray]]:
        """Yield each frame's time stamp and its samples ``(n_samples, n_channels)``.

        Samples are asked for packed, in one plane. PyAV finds the planes of a frame by walking pointers up to
        an empty one, and with many channels there is none: the process would end.
        """
        resampler, shape = None, None
        for frame in self._frames():
            if not frame.samples:
                continue
            stamp_s = None
            if frame.pts is not None and self._kind in _HAVE_CLOCK:
                stamp_s = float(frame.pts * frame.time_base)
            if resampler is None or shape != (frame.format.name, frame.layout.name, frame.rate):
                # A stream may change its rate or its channels on the way; a resampler may not.
                shape = (frame.format.name, frame.layout.name, frame.rate)
                resampler = self._av.AudioResampler(format="flt", rate=self.sampling_rate_hz)
            if self._first_s is None:
                self._first_s = stamp_s
            self._sound_end_s = max(
                self._sound_end_s, (stamp_s or 0.0) + frame.samples / frame.rate
            )
            try:
                converted = resampler.resample(frame)
            except (self._av.error.FFmpegError, ValueError) as error:
                self._count_damage(error)
                continue
            for packed in converted:
                yield stamp_s, packed.to_ndarray().reshape(packed.samples, -1)

    def _frames(self) -> Iterator[av.audio.frame.AudioFrame]:
        assert self._container is not None
        packets = self._container.demux(self._tracks.all)
        while True:
            try:
                packet = next(packets)
                if packet.stream.index != self._tracks.sound.index:
                    self._see_other(packet)
                    continue
                if self._amr is not None and self._amr.is_hole(bytes(packet)):
                    continue
                frames = packet.decode()
            except StopIteration:
                break
            except (self._av.error.FFmpegError, OSError, ValueError, OverflowError) as error:
                if self._is_cut_frame():
                    continue
                self._count_damage(error)
                if self._n_damaged > _MOST_DAMAGED:
                    return
                continue
            if frames and self._n_cut and self._n_decoded:
                self._n_damaged += self._n_cut  # what seemed to be the end was in the middle
                self._n_cut = 0
                if not self._allow_damaged:
                    raise self._damaged()
            yield from frames

    def _see_other(self, packet: av.packet.Packet) -> None:
        """Take down when the picture and the other tracks have something."""
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None or packet.time_base is None:
            return
        stamp_s = float(stamp * packet.time_base)
        end_s = stamp_s + float((packet.duration or 0) * packet.time_base)
        self._film_end_s = max(self._film_end_s, end_s)
        if packet.stream.type in ("video", "audio"):
            self._timeline.see_picture(stamp_s)

    def _is_cut_frame(self) -> bool:
        """Tell a frame that was cut in two from damage: it stands at an end of a string of frames."""
        if self._kind not in _STRINGS_OF_FRAMES:
            return False
        if self._n_decoded:
            self._n_cut += 1
            return self._n_cut <= _CUT_FRAMES
        return True

    def _count_damage(self, error: Exception) -> None:
        self._n_damaged += 1
        if self._allow_damaged:
            return
        if isinstance(error, self._av.error.PatchWelcomeError):
            raise AudioError(
                tr(
                    "{name} changes its format at {decoded_s:.1f} s in a way that FFmpeg cannot follow; "
                    "convert it to wav with the program that made it{or_as_it_is}",
                    name=self.name,
                    decoded_s=self._decoded_s,
                    or_as_it_is=self._or_as_it_is,
                )
            ) from error
        raise self._damaged() from error

    def _check_whole(self) -> None:
        if not self._n_decoded:
            raise AudioError(
                tr(
                    "{name} holds a sound track without a single sample that could be decoded; record or "
                    "export it again",
                    name=self.name,
                )
            )
        if (self._missing_s or self._is_cut_off) and not self._allow_damaged:
            raise self._damaged()

    def _of_how_much(self) -> tuple[str, str]:
        if not self._missing_s:
            return "", ""
        return f" of {self._whole_s:.1f} s", f"（全长 {self._whole_s:.1f} 秒）"

    @property
    def _or_as_it_is(self) -> Sentence:
        if not self._by_options:
            return Sentence("", "")
        return tr(", or use what is there with --allow-damaged")

    def _damaged(self) -> AudioError:
        of, of_zh = self._of_how_much()
        return AudioError(
            tr(
                "{name} is damaged or cut off: {decoded_s:.1f} s{of} can be read; get a whole "
                "copy{or_as_it_is}",
                name=self.name,
                decoded_s=self._decoded_s,
                or_as_it_is=self._or_as_it_is,
                of=in_both(of, of_zh),
            )
        )


def check_rate(sampling_rate_hz: int, name: str) -> None:
    """Raise `AudioError` unless the rate is one at which speech is recorded (4 to 384 kHz)."""
    if not 4_000 <= sampling_rate_hz <= 384_000:
        raise AudioError(
            tr(
                "{name} says it has {sampling_rate_hz} samples per second; 4,000 to 384,000 was expected",
                name=name,
                sampling_rate_hz=sampling_rate_hz,
            )
        )
