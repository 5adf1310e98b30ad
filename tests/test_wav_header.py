"""The length of a WAV from its header alone, held against what FFmpeg makes of the file."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile

from gpt_sovits_emotion.audio import probe_duration_s
from gpt_sovits_emotion.audio.decode import Decoder
from gpt_sovits_emotion.audio.wav_header import plain_wav_duration_s


def by_ffmpeg(data: bytes) -> float:
    with Decoder(io.BytesIO(data), "x.wav", allow_damaged=False) as source:
        return source.announced_s


def sound(n_samples: int, *, rate_hz: int = 16_000, channels: int = 1, **how: str) -> bytes:
    stream = io.BytesIO()
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (n_samples, channels))
    soundfile.write(stream, samples, rate_hz, **{"format": "WAV", **how})
    return stream.getvalue()


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("form", ["WAV", "WAVEX"])
@pytest.mark.parametrize(("rate_hz", "channels"), [(8_000, 1), (44_100, 2)])
def test_plain_files_have_the_length_that_ffmpeg_says(subtype, form, rate_hz, channels):
    data = sound(48_001, rate_hz=rate_hz, channels=channels, format=form, subtype=subtype)
    assert plain_wav_duration_s(io.BytesIO(data)) == pytest.approx(48_001 / rate_hz, abs=1e-12)
    assert by_ffmpeg(data) == pytest.approx(48_001 / rate_hz, abs=1e-6)


def test_other_chunks_are_stepped_over():
    data = sound(16_000)
    more = struct.pack("<4sI", b"LIST", 5) + b"abcde\0"
    longer = data[:12] + more + data[12:] + more
    longer = longer[:4] + struct.pack("<I", len(longer) - 8) + longer[8:]
    assert plain_wav_duration_s(io.BytesIO(longer)) == 1.0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        sound(16_000)[:30],
        sound(16_000)[:-100],  # cut off
        sound(0),
        sound(16_000, subtype="ULAW"),
        sound(16_000, subtype="IMA_ADPCM"),
        sound(16_000, format="FLAC"),
        sound(16_000).replace(b"data", b"Data"),
        sound(16_000, rate_hz=2_000),
        sound(16_000)[:40] + b"\xff\xff\xff\xff" + sound(16_000)[44:],  # written as a stream
    ],
)
def test_everything_else_is_left_to_ffmpeg(data):
    stream = io.BytesIO(data)
    assert plain_wav_duration_s(stream) is None
    assert stream.tell() == 0


def test_probing_tells_the_same_either_way(tmp_path):
    for name, how in (
        ("a.wav", {}),
        ("b.flac", {"format": "FLAC"}),
        ("c.wav", {"subtype": "ULAW"}),
    ):
        (tmp_path / name).write_bytes(sound(40_000, **how))
        assert probe_duration_s(tmp_path / name) == pytest.approx(2.5)


def warned(data: bytes) -> list[str]:
    with Decoder(io.BytesIO(data), "x.wav", allow_damaged=False) as source:
        n_samples = sum(len(samples) for samples in source)
        assert n_samples == 16_000
        return [warning.en for warning in source.warnings]


@pytest.mark.parametrize(
    ("behind", "more_s"),
    [
        pytest.param(sound(32_000), 2.0, id="another recording, joined byte by byte"),
        pytest.param(sound(24_000)[44:], 1.5, id="sound whose size was never brought up to date"),
        pytest.param(
            b"LIST" + struct.pack("<I", 4) + b"abcd" + sound(8_000), 0.5, id="behind tags"
        ),
    ],
)
def test_sound_behind_the_told_size_is_not_lost_without_a_word(
    behind: bytes, more_s: float
) -> None:
    (line,) = warned(sound(16_000) + behind)
    assert f"about {more_s:.1f} s more, which were left out" in line


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(bytes(40_000), id="zeros up to the end of a block"),
        pytest.param(b"LIST" + struct.pack("<I", 30_000) + b"a" * 30_000, id="tags"),
        pytest.param(
            b"id3 " + struct.pack("<I", 7) + b"abcdefg", id="odd tags without their last byte"
        ),
        pytest.param(b"\x01\x02\x03" * 500, id="less than a syllable"),
    ],
)
def test_whole_files_have_nothing_behind_their_sound(behind: bytes) -> None:
    assert warned(sound(16_000) + behind) == []
