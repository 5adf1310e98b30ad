"""The audio package: every format in, one sentence for everything that is wrong."""

from __future__ import annotations

import errno
import math
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from bilingual import check_says_the_same
from conftest import voiced
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpt_sovits_emotion import audio as audio_package
from gpt_sovits_emotion.audio import (
    ANALYSIS_RATE_HZ,
    encode_mp3,
    encode_wav,
    open_recording,
    probe_duration_s,
    read_clip,
    recording_from_samples,
    resample,
    write_wav,
)
from gpt_sovits_emotion.core.errors import AudioError, EmotionError, OutputError
from gpt_sovits_emotion.core.records import Audio


def encode(path: Path, codec: str, *, rate: int = 44_100, duration_s: float = 3.0) -> Path:
    """Write a voiced tone with one of FFmpeg's encoders, as a person's program would."""
    samples = voiced(duration_s, sampling_rate_hz=rate)
    if codec == "libvorbis":  # PyAV's wheel decodes Vorbis only; libsndfile encodes it
        soundfile.write(path, samples, rate, format="OGG", subtype="VORBIS")
        return path
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        if path.suffix == ".mp4":
            video = container.add_stream("mpeg4", rate=5)
            video.width = video.height = 64
            video.pix_fmt = "yuv420p"
            for _ in range(round(5 * duration_s)):
                picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
                container.mux(video.encode(picture))
            container.mux(video.encode(None))
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=rate)
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        fifo = av.AudioFifo()
        for converted in resampler.resample(frame):
            converted.pts = None
            fifo.write(converted)
        size = stream.codec_context.frame_size or 1024
        while (piece := fifo.read(size, partial=True)) is not None:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


FORMATS = [
    ("a.mp3", "libmp3lame", 44_100),
    ("a.m4a", "aac", 44_100),
    ("a.ogg", "libvorbis", 44_100),
    ("a.opus", "libopus", 48_000),
    ("a.webm", "libopus", 48_000),
    ("a.flac", "flac", 22_050),
    ("a.mp4", "aac", 44_100),
    ("a.mkv", "flac", 48_000),
    ("low.wav", "pcm_s16le", 8_000),
    ("high.wav", "pcm_s32le", 192_000),
    ("bytes.wav", "pcm_u8", 44_100),
    ("telephone.wav", "pcm_alaw", 8_000),
]


@pytest.mark.parametrize(("name", "codec", "rate"), FORMATS)
def test_reads_every_format(tmp_path: Path, name: str, codec: str, rate: int) -> None:
    path = encode(tmp_path / name, codec, rate=rate)
    with open_recording(path) as recording:
        audio = recording.read()
        assert recording.info.original_sampling_rate_hz == rate
        assert recording.duration_s == pytest.approx(3.0, abs=0.08)
    assert audio.samples.dtype == np.float32
    assert audio.sampling_rate_hz == ANALYSIS_RATE_HZ
    assert _dominant_hz(audio) == pytest.approx(150, rel=0.15)
    assert probe_duration_s(path) == pytest.approx(3.0, abs=0.08)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "PCM_U8"])
def test_reads_every_sample_width_in_stereo(tmp_path: Path, subtype: str) -> None:
    tone = voiced(1.0)
    soundfile.write(tmp_path / "a.wav", np.stack([tone, tone], 1), 16_000, subtype=subtype)
    with open_recording(tmp_path / "a.wav") as recording:
        assert recording.info.original_channels == 2
        loud = 10 ** (recording.info.gain_db / 20)
        assert np.abs(recording.read().samples / loud - tone).max() < 0.01


def test_the_extension_does_not_matter(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.flac", "flac").rename(tmp_path / "really-flac.mp3")
    assert read_clip(path).duration_s == pytest.approx(3.0, abs=0.01)


@pytest.mark.parametrize(
    "name", ["with space.wav", "情感 录音.wav", "😀🎙️.wav", "a'b\"c;|&.wav", "-.wav"]
)
def test_reads_and_writes_awkward_names(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "目录 with space"
    write_wav(folder / name, Audio(voiced(1.0), 16_000))
    assert read_clip(folder / name).duration_s == 1.0
    assert [entry.name for entry in folder.iterdir()] == [name]


def test_quiet_input_is_brought_to_level_and_the_gain_is_remembered(tmp_path: Path) -> None:
    quiet = voiced(2.0, level=0.0005)
    soundfile.write(tmp_path / "q.wav", quiet, 16_000, subtype="FLOAT")
    with open_recording(tmp_path / "q.wav") as recording:
        audio = recording.read()
        assert recording.info.gain_db == audio.gain_db > 30
        assert any("quiet" in warning.en for warning in recording.info.warnings)
    np.testing.assert_allclose(audio.samples, quiet * 10 ** (audio.gain_db / 20), rtol=1e-4)
    with recording_from_samples(voiced(2.0, level=0.25), 16_000) as loud:
        assert loud.info.gain_db == 0.0


def test_levelling_never_clips() -> None:
    click = voiced(2.0, level=0.001)
    click[1000] = 0.9
    with recording_from_samples(click, 16_000) as recording:
        assert 0.8 < np.abs(recording.read().samples).max() < 1.0


def test_a_clipped_recording_says_so() -> None:
    with recording_from_samples(np.clip(voiced(1.0, level=2.0), -1, 1), 16_000) as recording:
        assert any("clipped" in warning.en for warning in recording.info.warnings)


def test_a_long_recording_leaves_memory_and_reads_back_equal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gpt_sovits_emotion.audio.scratch._SPOOL_BYTES", 1 << 12)
    tone = voiced(3.0, level=0.3)
    with recording_from_samples(tone, 16_000) as recording:
        assert recording._samples[16_000]._file._rolled
        np.testing.assert_array_equal(recording.read(1.0, 2.0).samples, tone[16_000:32_000])
        np.testing.assert_array_equal(
            np.concatenate([block.samples for block in recording.blocks(0.7)]), tone
        )
        assert recording.read(2.5, 99.0).duration_s == pytest.approx(0.5)
        assert recording.read(5.0, 6.0).duration_s == 0.0


# --- bad input -------------------------------------------------------------------------------------


def _write(path: Path, samples: np.ndarray) -> Path:
    soundfile.write(path, samples, 16_000, subtype="FLOAT")
    return path


def _with(value: float) -> np.ndarray:
    samples = voiced(1.0)
    samples[5000] = value
    return samples


def _cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: round(len(data) * share)])
    return path


BAD = {
    "missing": (lambda d: d / "no.wav", "there is no such file"),
    "folder": (lambda d: d, "is a folder"),
    "empty": (lambda d: _bytes(d / "e.wav", b""), "is empty"),
    "text": (lambda d: _bytes(d / "t.wav", b"not audio at all\n" * 99), "is not audio"),
    "noise": (lambda d: _bytes(d / "n.mp3", np.random.default_rng(0).bytes(9999)), "is not audio"),
    "playlist": (
        lambda d: _bytes(d / "p.m3u8", b"#EXTM3U\n#EXTINF:9,\nfile:///etc/hosts\n"),
        "is not",
    ),
    "concat": (
        lambda d: _bytes(d / "c.wav", b"ffconcat version 1.0\nfile a.wav\n"),
        "is not audio",
    ),
    "one sample": (lambda d: _write(d / "1.wav", np.ones(1)), "at least 0.2 s"),
    "too short": (lambda d: _write(d / "s.wav", voiced(0.1)), "at least 0.2 s"),
    "silence": (lambda d: _write(d / "z.wav", np.zeros(32_000)), "is silent"),
    "dither": (lambda d: _write(d / "z.wav", np.full(32_000, 1e-6)), "is silent"),
    "nan": (lambda d: _write(d / "nan.wav", _with(np.nan)), "not numbers"),
    "infinite": (lambda d: _write(d / "inf.wav", _with(np.inf)), "not numbers"),
    "truncated mp3": (lambda d: _cut(encode(d / "t.mp3", "libmp3lame"), 0.5), "damaged or cut off"),
    "truncated wav": (lambda d: _cut(_write(d / "t.wav", voiced()), 0.5), "damaged or cut off"),
    "truncated flac": (lambda d: _cut(encode(d / "t.flac", "flac"), 0.5), "damaged or cut off"),
    "truncated m4a": (lambda d: _cut(encode(d / "t.m4a", "aac"), 0.5), "has no index"),
}


def _bytes(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence(tmp_path: Path, case: str) -> None:
    make, expected = BAD[case]
    with pytest.raises(AudioError, match=expected) as caught:
        open_recording(make(tmp_path))
    assert "\n" not in str(caught.value)
    check_says_the_same(caught.value)


def test_a_damaged_file_can_be_used_with_a_warning(tmp_path: Path) -> None:
    path = _cut(_write(tmp_path / "t.wav", voiced(4.0)), 0.5)
    with open_recording(path, allow_damaged=True) as recording:
        assert recording.duration_s == pytest.approx(2.0, abs=0.01)
        assert "damaged" in recording.info.warnings[0].en
        assert "损坏" in recording.info.warnings[0].zh


def test_an_unreadable_file_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A superuser may read everything, so the refusal is played rather than provoked.
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(AudioError, match="may not be read; check its permissions"):
        open_recording(tmp_path / "a.wav")


def test_ten_hours_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    n_samples = 10 * 3600 * 8000
    with path.open("wb") as stream:  # a sparse file: ten hours of 8-bit silence that take no disk
        header = b"RIFF" + (n_samples + 36).to_bytes(4, "little") + b"WAVEfmt "
        header += (16).to_bytes(4, "little") + b"\x01\0\x01\0" + (8000).to_bytes(4, "little") * 2
        header += b"\x01\0\x08\0data" + n_samples.to_bytes(4, "little")
        stream.write(header)
        stream.truncate(len(header) + n_samples)
    with pytest.raises(AudioError, match=r"lasts 10\.0 h, longer than the limit of 6 h"):
        open_recording(path)


def test_a_file_that_grows_past_the_limit_while_decoding_is_refused(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp3", "libmp3lame")
    with pytest.raises(AudioError, match="longer than the limit"):
        open_recording(path, max_duration_s=1.0)


def test_a_full_scratch_disk_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, data: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None: ...

    monkeypatch.setattr("tempfile.SpooledTemporaryFile", lambda **_: Full())
    with pytest.raises(OutputError, match="is full"):
        recording_from_samples(voiced(), 16_000)


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.wav"
    target.write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="the disk is full"):
        write_wav(target, Audio(voiced(), 16_000))
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_stopping_while_decoding_leaves_nothing_open(tmp_path: Path) -> None:
    def stop(fraction: float, doing: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_recording(encode(tmp_path / "a.mp3", "libmp3lame"), progress=stop)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(min_size=0, max_size=400), kind=st.sampled_from(["a.wav", "a.mp3", "a.ogg"]))
def test_no_bytes_give_anything_but_audio_or_a_sentence(
    tmp_path: Path, data: bytes, kind: str
) -> None:
    heads = {"a.wav": b"RIFF\xff\0\0\0WAVEfmt ", "a.mp3": b"\xff\xfb\x90d", "a.ogg": b"OggS\0\x02"}
    path = _bytes(tmp_path / kind, heads[kind] + data)
    sentence = ""
    try:
        open_recording(path).close()
    except EmotionError as error:
        sentence = str(error)
    assert "\n" not in sentence


# --- samples in memory, resampling, writing --------------------------------------------------------


@settings(max_examples=30)
@given(
    rate=st.sampled_from([8000, 11_025, 16_000, 22_050, 44_100, 96_000, 192_000]),
    duration_s=st.floats(0.25, 3.0),
)
def test_resampling_keeps_duration_and_pitch(rate: int, duration_s: float) -> None:
    tone = voiced(duration_s, sampling_rate_hz=rate)
    with recording_from_samples(tone, rate) as recording:
        assert recording.duration_s == pytest.approx(duration_s, abs=2e-3)
        assert _dominant_hz(recording.read()) == pytest.approx(150, rel=0.2)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint8, np.float64])
def test_integer_samples_mean_the_same_as_floats(dtype: type) -> None:
    tone = voiced(1.0, level=0.3)
    if dtype is np.uint8:
        samples = np.round(tone * 127 + 128).astype(np.uint8)
    elif np.issubdtype(dtype, np.integer):
        samples = np.round(tone * np.iinfo(dtype).max).astype(dtype)
    else:
        samples = tone.astype(dtype)
    with recording_from_samples(samples, 16_000) as recording:
        np.testing.assert_allclose(recording.read().samples, tone, atol=0.01)


def test_samples_of_a_wrong_shape_are_refused() -> None:
    with pytest.raises(AudioError, match="3 dimensions"):
        recording_from_samples(np.zeros((2, 2, 2)), 16_000)
    with pytest.raises(AudioError, match="samples per second"):
        recording_from_samples(voiced(), 100)


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 32_000, 11_025])
def test_mp3_is_readable_and_as_long(tmp_path: Path, rate: int) -> None:
    audio = Audio(voiced(2.0, sampling_rate_hz=rate), rate)
    path = _bytes(tmp_path / "a.mp3", encode_mp3(audio))
    assert read_clip(path).duration_s == pytest.approx(2.0, abs=0.06)


def test_mp3_of_blocks_is_the_mp3_of_the_whole() -> None:
    with recording_from_samples(voiced(3.0), 16_000) as recording:
        assert encode_mp3(recording.blocks(1.0)) == encode_mp3(recording.read())


def test_wav_reads_back_within_a_step_of_16_bits(tmp_path: Path) -> None:
    audio = Audio(voiced(1.0, level=0.4), 22_050)
    samples, rate = soundfile.read(_bytes(tmp_path / "a.wav", encode_wav(audio)))
    assert rate == 22_050
    np.testing.assert_allclose(samples, audio.samples, atol=2**-15)


def test_resample_to_the_same_rate_is_the_same_object() -> None:
    audio = Audio(voiced(), 16_000, 3.0)
    assert resample(audio, 16_000) is audio
    assert resample(audio, 8_000).gain_db == 3.0


def test_public_face_is_complete() -> None:
    assert all(hasattr(audio_package, name) for name in audio_package.__all__)


def _dominant_hz(audio: Audio) -> float:
    """Fundamental by the median spacing of the strongest harmonics' product spectrum."""
    window = np.hanning(len(audio.samples))
    n_fft = 1 << math.ceil(math.log2(len(audio.samples) * 2))
    spectrum = np.abs(np.fft.rfft(audio.samples * window, n_fft))
    n_bins = len(spectrum) // 4
    product = spectrum[:n_bins] * spectrum[: 2 * n_bins : 2] * spectrum[: 3 * n_bins : 3]
    low = round(60 * n_fft / audio.sampling_rate_hz)
    return float((np.argmax(product[low:]) + low) * audio.sampling_rate_hz / n_fft)


def test_a_second_rate_is_decoded_from_the_source() -> None:
    t = np.arange(48_000 * 2) / 48_000
    high = (0.2 * np.sin(2 * np.pi * 300 * t) + 0.2 * np.sin(2 * np.pi * 11_000 * t)).astype("f4")
    with recording_from_samples(high, 48_000, also_at_hz=32_000) as recording:
        assert recording.rates_hz == {16_000, 32_000}
        wide = recording.read(0.5, 1.5, sampling_rate_hz=32_000)
        narrow = recording.read(0.5, 1.5)
    assert (wide.sampling_rate_hz, len(wide.samples)) == (32_000, 32_000)
    assert (narrow.sampling_rate_hz, len(narrow.samples)) == (16_000, 16_000)
    assert wide.gain_db == narrow.gain_db
    spectrum = np.abs(np.fft.rfft(wide.samples))
    assert spectrum[11_000] > 0.8 * spectrum[300]  # 1 Hz a bin: what 16 kHz cannot hold is there
