"""Where sound belongs on the time line of its film: silence for a late start and for gaps, never a jump.

Subtitles are laid over a film by its presentation time stamps, and its sound need not be one piece: a track
may begin after the picture, stop while a microphone is muted, or lose packets on the air. Samples that are
merely strung together come too early from there on. So the gaps are filled, as a player does; and where the
stamps themselves jump (two broadcasts joined, a live stream's clock set anew) the times count on.
"""

from __future__ import annotations

from dataclasses import dataclass

from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence

__all__ = ["Placement", "Timeline", "clock"]

_LATE_S = 0.05  # stamps are rounded to 1 ms in Matroska and FLV, and live recorders stamp unevenly
_EARLY_S = 0.2
_LONGEST_OVERLAP_S = 1.0  # pieces of a stream that were joined overlap by a frame or a few
_PRIMING_S = 0.2  # what an encoder puts before the first sample, and a player leaves out
_UNVOUCHED_S = {True: 10.0, False: 3600.0}  # FFmpeg's dts_delta_threshold is 10 s for broadcasts


@dataclass(frozen=True, slots=True)
class Placement:
    """What to do before a frame of sound.

    Attributes:
        n_silent: So many samples of silence come before it.
        n_left_out: So many of its first samples are left out, because others stand at their time.
    """

    n_silent: int = 0
    n_left_out: int = 0


class Timeline:
    """Places one frame after the other; times count from the start of the film."""

    def __init__(
        self,
        sampling_rate_hz: int,
        *,
        others_start_s: float | None,
        clock_may_jump: bool,
        may_overlap: bool = True,
    ) -> None:
        """Begin a time line.

        Args:
            sampling_rate_hz: Of the samples that are placed.
            others_start_s: Stamp at which the earliest other track (the picture) starts; None without one.
            clock_may_jump: Whether files of this container are cut out of broadcasts, whose stamps may jump.
            may_overlap: Whether sound whose stamps go back a little stands at a time that is taken; otherwise
                the clock was set back.
        """
        self._rate_hz = sampling_rate_hz
        self._others_start_s = others_start_s
        self._longest_overlap_s = _LONGEST_OVERLAP_S if may_overlap else _EARLY_S
        self._unvouched_s = _UNVOUCHED_S[clock_may_jump]
        self._origin_s: float | None = None
        self._n_placed = 0
        self._n_left_out = 0
        self._jumps: list[tuple[float, float]] = []
        self._gaps: list[tuple[float, float]] = []
        self._picture_since_s: float | None = None
        self._picture_until_s = 0.0

    @property
    def end_s(self) -> float:
        """Where the next sample goes."""
        return self._n_placed / self._rate_hz

    @property
    def gaps(self) -> tuple[tuple[float, float], ...]:
        """Start and length of each gap in the middle that was filled with silence."""
        return tuple(self._gaps)

    @property
    def warnings(self) -> tuple[Sentence, ...]:
        """What a person should know of the file's times."""
        said = []
        if self._jumps:
            at_s, by_s = self._jumps[0]
            more = len(self._jumps) - 1
            said.append(
                Sentence(
                    f"the file's clock jumps by {_length(by_s)} at {clock(at_s)}"
                    + (f", and {more} more times" if more else "")
                    + "; the times after that count on as if it had not",
                    f"文件的时间戳在 {clock(at_s)} 处跳变 {_length(by_s)}"
                    + (f"，另有 {more} 处" if more else "")
                    + "；其后的时间按连续计算",
                )
            )
        if self._n_left_out > _LONGEST_OVERLAP_S * self._rate_hz:
            left_out_s = self._n_left_out / self._rate_hz
            said.append(
                tr(
                    "pieces of the sound overlap in time: {left_out_s:.1f} s of it were left out",
                    left_out_s=left_out_s,
                )
            )
        return tuple(said)

    def see_picture(self, stamp_s: float) -> None:
        """Note that another track has something at this time: a gap that it spans is no jump of the clock."""
        if (
            self._picture_since_s is None
            or abs(stamp_s - self._picture_until_s) > _UNVOUCHED_S[True]
        ):
            self._picture_since_s = self._picture_until_s = stamp_s
        self._picture_until_s = max(self._picture_until_s, stamp_s)

    def place(self, stamp_s: float | None, n_samples: int) -> Placement:
        """Say where the next frame goes, and count it as placed there.

        Args:
            stamp_s: Its presentation time stamp; None where the file has none, and it goes to the end.
            n_samples: How many samples it has.
        """
        placement = Placement() if stamp_s is None else self._placement(stamp_s, n_samples)
        self._n_placed += placement.n_silent + n_samples - placement.n_left_out
        return placement

    def _placement(self, stamp_s: float, n_samples: int) -> Placement:
        if self._origin_s is None:
            return self._first(stamp_s, n_samples)
        late_s = stamp_s - self._origin_s - self.end_s
        if late_s > _LATE_S:
            if self._is_silence(late_s, stamp_s):
                self._gaps.append((self.end_s, late_s))
                return Placement(n_silent=round(late_s * self._rate_hz))
            self._jump(late_s)
        elif late_s < -self._longest_overlap_s:
            self._jump(late_s)
        elif late_s < -_EARLY_S:
            return self._overlap(-late_s, n_samples)
        return Placement()

    def _first(self, stamp_s: float, n_samples: int) -> Placement:
        """Decide where zero is: where the first of the tracks starts, as in a player."""
        others_s = stamp_s if self._others_start_s is None else self._others_start_s
        zero_s = min(stamp_s, others_s)
        if self._others_start_s is not None and -_PRIMING_S <= zero_s < 0:
            zero_s = min(max(stamp_s, 0.0), max(others_s, 0.0))
        self._origin_s = zero_s
        late_s = stamp_s - zero_s
        if late_s < 0:
            n_left_out = min(round(-late_s * self._rate_hz), n_samples)
            return Placement(n_left_out=n_left_out)
        if not self._is_silence(late_s, stamp_s):
            self._jump(late_s)
            return Placement()
        return Placement(n_silent=round(late_s * self._rate_hz))

    def _overlap(self, early_s: float, n_samples: int) -> Placement:
        n_left_out = min(round(early_s * self._rate_hz), n_samples)
        self._n_left_out += n_left_out
        return Placement(n_left_out=n_left_out)

    def _is_silence(self, late_s: float, stamp_s: float) -> bool:
        """Tell a gap in the sound from a jump of the clock: the picture goes on through a gap."""
        if late_s <= self._unvouched_s:
            return True
        return (
            self._picture_since_s is not None
            and self._picture_since_s <= stamp_s - late_s + _UNVOUCHED_S[True]
            and self._picture_until_s >= stamp_s - _UNVOUCHED_S[True]
        )

    def _jump(self, by_s: float) -> None:
        assert self._origin_s is not None
        self._origin_s += by_s
        self._jumps.append((self.end_s, by_s))


def clock(time_s: float) -> str:
    """Return a place in a recording as ``m:ss.t``."""
    minutes, seconds = divmod(time_s, 60)
    return f"{int(minutes)}:{seconds:04.1f}"


def _length(by_s: float) -> str:
    size = abs(by_s)
    number = f"{size:.1f} s" if size < 120 else f"{size / 60:.0f} min" if size < 7200 else ""
    return ("-" if by_s < 0 else "+") + (number or f"{size / 3600:.1f} h")
