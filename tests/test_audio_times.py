"""Times are those of the film: late sound, gaps, clocks that jump, and what is cut out by them."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from bilingual import check_sentences
from media_files import clicks, film, onsets_s, sound_file

from gpt_sovits_emotion.audio import open_recording, probe_duration_s
from gpt_sovits_emotion.audio.timeline import Timeline
from gpt_sovits_emotion.core.errors import AudioError

LATE = [(1.0, clicks(2.0, [0.5, 1.5]))]
GAP = [(0.0, clicks(1.0, [0.5])), (2.0, clicks(1.0, [0.5]))]


def times(path: Path) -> tuple[list[float], tuple[str, ...]]:
    """Return when the bursts are heard, and what is said of the file."""
    with open_recording(path) as recording:
        audio = recording.read()
        assert probe_duration_s(path) == pytest.approx(recording.duration_s, abs=0.05)
        check_sentences(recording.info.warnings)
        found = onsets_s(audio.samples, audio.sampling_rate_hz)
        return found, tuple(warning.en for warning in recording.info.warnings)


def near(*at_s: float) -> object:
    """About these times: an encoder that does not tell its delay puts everything 21 ms late."""
    return pytest.approx(at_s, abs=0.035)


FILMS = [
    ("a.mkv", "aac", "mpeg4"),
    ("b.mkv", "libopus", "mpeg4"),
    ("c.mkv", "libmp3lame", "mpeg4"),
    ("d.mkv", "flac", "mpeg4"),
    ("e.mkv", "pcm_s16le", "mpeg4"),
    ("a.mp4", "aac", "mpeg4"),
    ("b.mp4", "libopus", "mpeg4"),
    ("a.ts", "aac", "mpeg2video"),
    ("a.webm", "libopus", "libvpx"),
    ("a.nut", "aac", "mpeg4"),
]


@pytest.mark.parametrize(("name", "codec", "video"), FILMS)
def test_sound_that_starts_late_and_sound_with_a_gap_fit_the_picture(
    tmp_path: Path, name: str, codec: str, video: str
) -> None:
    film(tmp_path / name, LATE, codec, video_codec=video)
    assert times(tmp_path / name) == (near(1.5, 2.5), ())
    film(tmp_path / name, GAP, codec, video_codec=video)
    assert times(tmp_path / name) == (near(0.5, 2.5), ())


def test_flash_and_quicktime(tmp_path: Path) -> None:
    rate_hz = 44_100
    late = [(1.0, clicks(2.0, [0.5, 1.5], rate_hz=rate_hz))]
    gap = [(0.0, clicks(1.0, [0.5], rate_hz=rate_hz)), (2.0, clicks(1.0, [0.5], rate_hz=rate_hz))]
    film(tmp_path / "a.flv", late, "aac", rate_hz=rate_hz, video_codec="flv")
    assert times(tmp_path / "a.flv") == (near(1.52, 2.52), ())
    film(tmp_path / "b.flv", gap, "aac", rate_hz=rate_hz, video_codec="flv")
    assert times(tmp_path / "b.flv") == (near(0.52, 2.52), ())
    film(tmp_path / "a.mov", LATE, "pcm_s16le")
    assert times(tmp_path / "a.mov") == (near(1.5, 2.5), ())


def test_silence_before_and_in_between_is_silence(tmp_path: Path) -> None:
    film(tmp_path / "a.mkv", LATE, "pcm_s16le")
    with open_recording(tmp_path / "a.mkv") as recording:
        assert np.abs(recording.read(0.0, 0.99).samples).max() < 1e-6
        assert np.abs(recording.read(1.01, 1.4).samples).max() > 1e-4
        cut = recording.read(1.4, 2.0)
    assert onsets_s(cut.samples, cut.sampling_rate_hz) == near(0.1)


def test_a_picture_that_starts_after_the_sound_moves_nothing(tmp_path: Path) -> None:
    for name in ("a.mkv", "a.mp4"):
        film(tmp_path / name, [(0.0, clicks(3.0, [0.5, 1.5]))], picture=(1.0, 4.0))
        assert times(tmp_path / name) == (near(0.5, 1.5), ())


def test_sound_alone_starts_at_zero_whatever_its_stamps(tmp_path: Path) -> None:
    late = [(5.0, clicks(2.0, [0.5]))]
    film(tmp_path / "a.mka", late, "libopus", picture=None, container="matroska")
    assert times(tmp_path / "a.mka") == (near(0.5), ())
    film(tmp_path / "a.webm", [*GAP[:1], (3.0, GAP[1][1])], "libopus", picture=None)
    assert times(tmp_path / "a.webm") == (near(0.5, 3.5), ())


@pytest.mark.parametrize("shift_s", [26 * 3600.0, 2**33 / 90_000 - 3.0])
def test_a_broadcast_counts_from_its_own_start_and_past_the_end_of_its_clock(
    tmp_path: Path, shift_s: float
) -> None:
    film(tmp_path / "a.ts", LATE, "aac", video_codec="mpeg2video", shift_s=shift_s)
    assert times(tmp_path / "a.ts") == (near(1.5, 2.5), ())


def test_a_film_whose_stamps_start_late_counts_from_its_first_picture(tmp_path: Path) -> None:
    for hours in (0.002, 26.0):
        film(tmp_path / "a.mkv", LATE, shift_s=3600 * hours)
        assert times(tmp_path / "a.mkv") == (near(1.5, 2.5), ())


@pytest.mark.parametrize(("name", "video"), [("a.ts", "mpeg2video"), ("a.mkv", "mpeg4")])
def test_a_long_gap_is_kept_where_the_picture_goes_on(
    tmp_path: Path, name: str, video: str
) -> None:
    gap = [GAP[0], (31.0, GAP[1][1])]
    film(tmp_path / name, gap, "aac", video_codec=video, picture=(0.0, 33.0))
    assert times(tmp_path / name) == (near(0.5, 31.5), ())


@pytest.mark.parametrize(
    ("order", "jump"), [((0, 1), "+17 min"), ((1, 0), "+26.2 h"), ((0, 0), "-3.0 s")]
)
def test_broadcasts_joined_end_to_end_count_on(
    tmp_path: Path, order: tuple[int, int], jump: str
) -> None:
    pieces = [
        film(
            tmp_path / f"{number}.ts",
            [(0.0, clicks(3.0, [0.5, 2.5]))],
            video_codec="mpeg2video",
            shift_s=1000.0 * number,
        ).read_bytes()
        for number in (0, 1)
    ]
    (tmp_path / "joined.ts").write_bytes(b"".join(pieces[number] for number in order))
    found, said = times(tmp_path / "joined.ts")
    assert found == pytest.approx([0.52, 2.52, 3.55, 5.55], abs=0.04)
    assert [sentence.startswith(f"the file's clock jumps by {jump} at 0:03") for sentence in said]


def test_ogg_files_joined_end_to_end_are_one_valid_file(tmp_path: Path) -> None:
    one = tmp_path / "a.opus"
    links = [
        sound_file(
            one,
            clicks(0.8, [0.3]),
            "libopus",
            container="ogg",
            options={"serial_offset": str(serial)},
        ).read_bytes()
        for serial in range(3)
    ]
    one.write_bytes(b"".join(links))
    assert times(one) == (near(0.3, 1.1, 1.9), ())


def test_stamps_that_a_raw_stream_does_not_have_are_not_believed(tmp_path: Path) -> None:
    rates = (44_100, 22_050)
    parts = [
        sound_file(
            tmp_path / "a.aac",
            clicks(2.0, [0.5], rate_hz=rate_hz),
            "aac",
            rate_hz=rate_hz,
            container="adts",
        ).read_bytes()
        for rate_hz in rates
    ]
    (tmp_path / "a.aac").write_bytes(b"".join(parts))
    assert times(tmp_path / "a.aac") == (pytest.approx([0.52, 2.59], abs=0.03), ())


# --- the time line alone ----------------------------------------------------------------------------


def placed(*frames: tuple[float | None, int], rate_hz: int = 1000, **how: object) -> list[float]:
    """Return where each frame's first kept sample goes, in seconds."""
    how = {"others_start_s": None, "clock_may_jump": False, **how}
    timeline = Timeline(rate_hz, **how)
    found = []
    for stamp_s, n_samples in frames:
        before_s = timeline.end_s
        placement = timeline.place(stamp_s, n_samples)
        found.append(before_s + placement.n_silent / rate_hz)
    return [*found, timeline.end_s]


def test_frames_without_stamps_follow_each_other() -> None:
    assert placed((None, 500), (None, 500)) == [0.0, 0.5, 1.0]


def test_stamps_that_tremble_put_nothing_in() -> None:
    frames = [(0.02 * number + (number % 3 - 1) * 0.015, 20) for number in range(100)]
    assert placed(*frames)[-1] == pytest.approx(2.0, abs=0.035)


def test_a_clock_that_runs_slow_or_fast_is_followed() -> None:
    for factor in (1.001, 0.999):
        frames = [(0.02 * number * factor, 20) for number in range(30_000)]
        assert placed(*frames, others_start_s=0.0)[-1] == pytest.approx(600 * factor, abs=0.25)


def test_lost_frames_add_up_to_no_more_than_a_twentieth_of_a_second() -> None:
    frames = [(0.02 * number, 20) for number in range(5000) if number % 10]
    where = placed(*frames)
    late_s = [stamp_s - at_s for (stamp_s, _), at_s in zip(frames, where, strict=False)]
    assert max(map(abs, late_s)) < 0.09


def test_small_negative_stamps_are_an_encoders_start_and_left_out() -> None:
    assert placed((-0.02, 20), (0.0, 20), others_start_s=0.0) == [0.0, 0.0, 0.02]


def test_an_absurd_start_is_no_silence() -> None:
    for clock_may_jump in (True, False):
        where = placed((90_000.0, 20), others_start_s=0.0, clock_may_jump=clock_may_jump)
        assert where == [0.0, 0.02]


def test_an_absurd_stamp_on_the_way_is_no_silence_either() -> None:
    timeline = Timeline(1000, others_start_s=0.0, clock_may_jump=False)
    for stamp_s in (0.0, 0.02, 95_443.7, 95_443.72, 0.08, 0.1):
        timeline.place(stamp_s, 20)
    assert timeline.end_s == pytest.approx(0.12)
    (said,) = timeline.warnings
    assert said.en.startswith("the file's clock jumps by +26.5 h at 0:00.0, and 1 more times")
    check_sentences([said])


def test_overlaps_are_left_out_and_said_when_they_add_up() -> None:
    timeline = Timeline(1000, others_start_s=0.0, clock_may_jump=True)
    for start in itertools.chain(
        np.arange(0, 2, 0.02), *[np.arange(k, k + 2, 0.02) for k in (1.5, 3, 4.5)]
    ):
        timeline.place(float(start), 20)
    assert timeline.end_s == pytest.approx(6.5, abs=0.21)
    (said,) = timeline.warnings
    assert "overlap in time: 1." in said.en


# --- holes -------------------------------------------------------------------------------------------


def zeroed(path: Path, first: int, last: int) -> Path:
    """Put zeros in place of some bytes, as a lost block of a disk leaves them."""
    data = bytearray(path.read_bytes())
    data[first:last] = bytes(last - first)
    path.write_bytes(data)
    return path


def hole(said: str) -> tuple[float, float]:
    """Return where a note says that sound is missing, and how much."""
    found = re.search(r"damaged at 0:(\d+\.\d): (\d+\.\d) s of sound are missing", said)
    assert found is not None, said
    return float(found[1]), float(found[2])


def test_a_hole_in_a_transport_stream_is_said_and_moves_nothing(tmp_path: Path) -> None:
    path = sound_file(tmp_path / "a.ts", clicks(20.0, [2.0, 17.0]), "aac")
    n_packets = path.stat().st_size // 188
    # A tenth of the file, two of its twenty seconds, from the middle on.
    zeroed(path, n_packets // 2 * 188, (n_packets // 2 + n_packets // 10) * 188)
    found, said = times(path)
    assert found == near(2.0, 17.0)
    assert len(said) == 1
    assert hole(said[0]) == (pytest.approx(10.0, abs=0.5), pytest.approx(2.0, abs=0.5))
    # Half a frame is damage that shows when it is decoded.
    zeroed(path, n_packets // 2 * 188 - 90, n_packets // 2 * 188)
    with pytest.raises(AudioError, match="damaged or cut off"):
        open_recording(path)


def test_a_microphone_that_was_muted_is_no_damage(tmp_path: Path) -> None:
    path = film(tmp_path / "a.ts", GAP, "aac", video_codec="mpeg2video")
    assert times(path) == (near(0.5, 2.5), ())
    # Two streams of which the first ends within a packet: a broadcast that was cut anywhere.
    data = film(tmp_path / "b.ts", GAP, "aac", picture=None).read_bytes()
    (tmp_path / "c.ts").write_bytes(data[: len(data) - 100] + data)
    _, said = times_alone(tmp_path / "c.ts")
    assert not any("missing" in each for each in said)


def times_alone(path: Path) -> tuple[list[float], tuple[str, ...]]:
    """Return what `times` returns of a file whose length cannot be told without decoding it."""
    with open_recording(path, allow_damaged=True) as recording:
        audio = recording.read()
        found = onsets_s(audio.samples, audio.sampling_rate_hz)
        return found, tuple(warning.en for warning in recording.info.warnings)


@pytest.mark.parametrize("share", [0.01, 0.1])
def test_a_hole_in_ogg_is_said_and_moves_nothing(tmp_path: Path, share: float) -> None:
    path = sound_file(tmp_path / "a.ogg", clicks(20.0, [2.0, 17.0]), "libopus")
    n_bytes = path.stat().st_size
    zeroed(path, n_bytes // 2, n_bytes // 2 + int(share * n_bytes))
    found, said = times(path)
    assert found == near(2.0, 17.0)
    assert len(said) == 1
    at_s, missing_s = hole(said[0])
    assert at_s == pytest.approx(10.0, abs=1.1)  # a page has one second
    assert share * 20 <= missing_s + 0.1 <= share * 20 + 2.1


@pytest.mark.parametrize("mode_bytes", [13, 32])
def test_zeros_in_amr_count_as_the_sound_that_they_stand_in_place_of(
    tmp_path: Path, mode_bytes: int
) -> None:
    path = sound_file(
        tmp_path / "a.amr", clicks(20.0, [2.0, 17.0], rate_hz=8_000), "amr_nb", rate_hz=8_000
    )
    data = path.read_bytes()
    assert data[6] >> 3 & 0xF == 0  # the shortest mode, 13 bytes a frame
    frames = [data[at : at + 13] for at in range(6, len(data), 13)]
    if mode_bytes == 32:
        # Frames of silence of the longest mode around, and a hole of 416 bytes a run in their midst.
        good = bytes([0x3C]) + bytes(range(1, 32))
        content = good * 400 + bytes(32 * 13 * 5) + good * 400
        at_s, missing_s = 8.0, 65 * 0.02
    else:
        content = b"".join(frames[:500]) + bytes(13 * 100) + b"".join(frames[600:])
        at_s, missing_s = 10.0, 2.0
    path.write_bytes(b"#!AMR\n" + content)
    with open_recording(path) as recording:
        (note,) = (warning.en for warning in recording.info.warnings if "missing" in warning.en)
        assert hole(note) == (pytest.approx(at_s, abs=0.05), pytest.approx(missing_s, abs=0.05))
        n_frames = 865 if mode_bytes == 32 else len(frames)
        assert recording.duration_s == pytest.approx(n_frames * 0.02, abs=0.03)
        if mode_bytes == 13:
            audio = recording.read()
            assert onsets_s(audio.samples, audio.sampling_rate_hz) == near(2.0, 17.0)
