"""Whole files in every container are taken, whatever their headers leave out, and told from cut ones."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from bilingual import check_says_the_same, check_sentences
from media_files import clicks, film, onsets_s, pcm_wav, sound_file

from gpt_sovits_emotion.audio import open_recording, probe_duration_s, recording_from_samples
from gpt_sovits_emotion.core.errors import AudioError

AT_S = (0.5, 1.5, 2.5)
SOUND = clicks(3.0, AT_S)
AT_16K = clicks(3.0, AT_S, rate_hz=16_000)


def heard(path: Path, **how: bool) -> tuple[list[float], list[str]]:
    """Return when the bursts are heard, and what is said of the file."""
    with open_recording(path, **how) as recording:
        audio = recording.read()
        check_sentences(recording.info.warnings)
        assert np.abs(audio.samples).max() < 1.01
        found = onsets_s(audio.samples, audio.sampling_rate_hz)
        return found, [warning.en for warning in recording.info.warnings]


def near(*at_s: float) -> object:
    """About these times: an encoder that does not tell its delay puts everything 25 ms late."""
    return pytest.approx(at_s, abs=0.035)


SOUNDS = [
    # name, codec, rate, container, options
    ("no-xing.mp3", "libmp3lame", 44_100, None, {"write_xing": "0"}),
    ("vbr.mp3", "libmp3lame", 44_100, None, {}),
    ("raw.aac", "aac", 44_100, "adts", {}),
    ("a.amr", "amr_nb", 8_000, "amr", {}),
    ("a.3gp", "aac", 16_000, "3gp", {}),
    ("a.m4a", "aac", 44_100, None, {}),
    ("alac.m4a", "alac", 44_100, None, {}),
    ("a.ac3", "ac3", 48_000, "ac3", {}),
    ("a.w64", "pcm_s16le", 48_000, "w64", {}),
    ("rf64.wav", "pcm_s16le", 48_000, "wav", {"rf64": "always"}),
    ("a.caf", "pcm_s16le", 48_000, "caf", {}),
    ("a.aiff", "pcm_s16be", 48_000, "aiff", {}),
    ("a.au", "pcm_s16be", 48_000, "au", {}),
    ("ms.wav", "adpcm_ms", 22_050, "wav", {}),
    ("ima.wav", "adpcm_ima_wav", 22_050, "wav", {}),
    ("mulaw.wav", "pcm_mulaw", 8_000, "wav", {}),
    ("alaw.wav", "pcm_alaw", 8_000, "wav", {}),
    ("24.wav", "pcm_s24le", 44_100, "wav", {}),
    ("32f.wav", "pcm_f32le", 44_100, "wav", {}),
    ("64f.wav", "pcm_f64le", 44_100, "wav", {}),
    ("192k.wav", "pcm_s24le", 192_000, "wav", {}),
    ("a.opus", "libopus", 48_000, "ogg", {}),
    ("a.tta", "tta", 44_100, None, {}),
    ("a.wv", "wavpack", 44_100, "wv", {}),
    ("a.webm", "libopus", 48_000, None, {}),
    ("a.mka", "flac", 48_000, "matroska", {}),
    ("a.flv", "aac", 44_100, None, {}),
    ("a.ts", "aac", 48_000, None, {}),
    ("a.mp4", "aac", 48_000, None, {"movflags": "frag_keyframe+empty_moov"}),
]


@pytest.mark.parametrize(("name", "codec", "rate_hz", "container", "options"), SOUNDS)
def test_a_whole_file_is_taken_without_a_word(
    tmp_path: Path, name: str, codec: str, rate_hz: int, container: str, options: dict[str, str]
) -> None:
    samples = clicks(3.0, AT_S, rate_hz=rate_hz)
    path = sound_file(
        tmp_path / name, samples, codec, rate_hz=rate_hz, container=container, options=options
    )
    assert heard(path) == (near(*AT_S), [])
    assert probe_duration_s(path) == pytest.approx(3.0, abs=0.07)


@pytest.mark.parametrize(
    ("name", "codec", "video"),
    [
        ("a.mkv", "aac", "mpeg4"),
        ("a.webm", "libopus", "libvpx"),
        ("a.flv", "pcm_s16le", "flv"),
        ("a.mp4", "aac", "mpeg4"),
        ("a.ts", "aac", "mpeg2video"),
        ("a.avi", "pcm_s16le", "mpeg4"),
    ],
)
def test_sound_that_ends_before_the_picture_is_whole(
    tmp_path: Path, name: str, codec: str, video: str
) -> None:
    rate_hz = 44_100 if name.endswith("flv") else 48_000
    samples = clicks(1.5, [0.5], rate_hz=rate_hz)
    film(
        tmp_path / name,
        [(0.0, samples)],
        codec,
        rate_hz=rate_hz,
        video_codec=video,
        picture=(0.0, 6.0),
    )
    assert heard(tmp_path / name) == (near(0.5), [])
    assert probe_duration_s(tmp_path / name) == pytest.approx(1.5, abs=0.05)


@pytest.mark.parametrize(
    ("riff_size", "data_size"),
    [
        (0x7FFFF024, 0x7FFFF000),  # sox, eSpeak NG
        (0xFFFFFFFF, 0xFFFFFFFF),  # ffmpeg
        (0xFFFFFFFF, 0xFFFFFFFF - 36),
        (0x7FFFFFFF, 0x7FFFFFFF - 36),
        (0x80000024, 0x80000000),  # arecord
        (2_000_000_036, 2_000_000_000),
        (36, 0),  # Python's wave, into a pipe: api_v2 in streaming mode
        (0, 0),
        (0xFFFFFFFF, 0),
        (0, None),
        (0xFFFFFFFF, None),
        (999_999, None),  # a wrong sum, and all samples there
    ],
)
def test_a_wav_that_was_written_into_a_pipe_is_as_long_as_it_is(
    tmp_path: Path, riff_size: int, data_size: int | None
) -> None:
    path = tmp_path / "piped.wav"
    path.write_bytes(pcm_wav(AT_16K, riff_size=riff_size, data_size=data_size))
    assert heard(path) == (near(*AT_S), [])
    assert probe_duration_s(path) == pytest.approx(3.0, abs=0.01)


def test_a_wide_band_voice_message_is_not_judged_by_its_guessed_length(tmp_path: Path) -> None:
    no_data = bytes([15 << 3 | 4])  # a frame in which the encoder said nothing
    (tmp_path / "a.amr").write_bytes(b"#!AMR-WB\n" + no_data * 500)
    with pytest.raises(AudioError, match="is silent"):
        open_recording(tmp_path / "a.amr")


# --- what was cut off -------------------------------------------------------------------------------

CUT = [
    (name, codec, rate_hz, container)
    for name, codec, rate_hz, container, _ in SOUNDS
    if container in ("w64", "wav", "caf", "aiff", "au", "ogg", "wv", "matroska")
    or name in ("vbr.mp3", "a.tta", "a.webm", "a.flv", "a.mp4")
]


@pytest.mark.parametrize(("name", "codec", "rate_hz", "container"), CUT)
def test_a_cut_file_is_refused_and_used_on_request(
    tmp_path: Path, name: str, codec: str, rate_hz: int, container: str
) -> None:
    options = next(options for known, *_, options in SOUNDS if known == name)
    path = sound_file(
        tmp_path / name,
        clicks(8.0, [0.5, 7.5], rate_hz=rate_hz),
        codec,
        rate_hz=rate_hz,
        container=container,
        options=options,
    )
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    with pytest.raises(AudioError, match=r"is damaged or cut off: \d\.\d s") as caught:
        open_recording(path)
    check_says_the_same(caught.value)
    found, said = heard(path, allow_damaged=True)
    assert found == near(0.5)
    assert said[0].startswith("the file is damaged or cut off; ")


@pytest.mark.parametrize("name", ["no-xing.mp3", "raw.aac", "a.amr", "a.ac3", "a.ts"])
def test_a_string_of_frames_is_as_long_as_it_is(tmp_path: Path, name: str) -> None:
    """Nothing in such a file says how long it ought to be; FFmpeg guesses from the bit rate."""
    _, codec, rate_hz, container, options = next(case for case in SOUNDS if case[0] == name)
    samples = clicks(3.0, AT_S, rate_hz=rate_hz)
    path = sound_file(
        tmp_path / name, samples, codec, rate_hz=rate_hz, container=container, options=options
    )
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    assert heard(path)[0] == near(0.5, 1.5)


def test_a_recording_without_its_index_is_named(tmp_path: Path) -> None:
    path = sound_file(tmp_path / "a.m4a", SOUND, "aac")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(AudioError, match=r"has no index \(moov\).*repair") as caught:
        open_recording(path, allow_damaged=True)
    check_says_the_same(caught.value)


def test_a_file_whose_format_changes_where_ffmpeg_cannot_follow(tmp_path: Path) -> None:
    links = []
    for rate_hz in (48_000, 16_000):
        soundfile.write(tmp_path / "a.ogg", clicks(2.0, [0.5], rate_hz=rate_hz), rate_hz)
        links.append((tmp_path / "a.ogg").read_bytes())
    (tmp_path / "a.ogg").write_bytes(b"".join(links))
    with pytest.raises(
        AudioError, match=r"changes its format at 2\.0 s .* --allow-damaged"
    ) as caught:
        open_recording(tmp_path / "a.ogg", by_options=True)
    check_says_the_same(caught.value)
    with pytest.raises(AudioError, match=r"with the program that made it$"):
        open_recording(tmp_path / "a.ogg")
    found, said = heard(tmp_path / "a.ogg", allow_damaged=True)
    assert found == near(0.5)
    assert said == ["the file is damaged or cut off; 2.0 s could be read"]


def test_how_much_of_a_cut_film_is_there(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", [(0.0, SOUND)], options={"movflags": "faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    with pytest.raises(AudioError, match=r"1\.\d s of 3\.0 s can be read"):
        open_recording(path)
    _, said = heard(path, allow_damaged=True)
    assert said[0].endswith(" s of 3.0 s could be read")


# --- channels and tracks ----------------------------------------------------------------------------


@pytest.mark.parametrize("n_channels", [1, 2, 3, 5, 6, 7, 8, 12, 16])
def test_any_number_of_channels(tmp_path: Path, n_channels: int) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([SOUND] * n_channels, 1), 48_000)
    with open_recording(tmp_path / "a.wav") as recording:
        assert recording.info.original_channels == n_channels
    assert heard(tmp_path / "a.wav") == (near(*AT_S), [])


@pytest.mark.parametrize("layout", ["5.1", "7.1"])
def test_surround(tmp_path: Path, layout: str) -> None:
    n_channels = av.AudioLayout(layout).nb_channels
    channels = np.zeros((n_channels, len(SOUND)), np.float32)
    channels[2] = SOUND  # the voice of a film is in the middle
    path = sound_file(tmp_path / "a.flac", channels, "flac", layout=layout)
    assert heard(path) == (near(*AT_S), [])


def test_samples_are_asked_for_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # PyAV finds planes by walking pointers up to an empty one; with many channels there is none.
    asked, plain = [], av.AudioResampler

    def resampler(*args: object, **how: object) -> object:
        asked.append(how["format"])
        return plain(*args, **how)

    monkeypatch.setattr(av, "AudioResampler", resampler)
    path = sound_file(tmp_path / "a.m4a", np.stack([SOUND, SOUND]), "aac", layout="stereo")
    asked.clear()
    assert heard(path) == (near(*AT_S), [])
    assert asked
    assert not any(av.AudioFormat(name).is_planar for name in asked)


def test_a_stream_that_changes_rate_and_channels_on_the_way(tmp_path: Path) -> None:
    parts = []
    for rate_hz, layout in ((44_100, "mono"), (44_100, "stereo"), (22_050, "mono")):
        samples = clicks(2.0, [0.5], rate_hz=rate_hz)
        n_channels = av.AudioLayout(layout).nb_channels
        parts.append(
            sound_file(
                tmp_path / "part.aac",
                np.stack([samples] * n_channels),
                "aac",
                rate_hz=rate_hz,
                layout=layout,
                container="adts",
            ).read_bytes()
        )
    (tmp_path / "a.aac").write_bytes(b"".join(parts))
    found, said = heard(tmp_path / "a.aac")
    assert found == pytest.approx([0.52, 2.57, 4.63], abs=0.03)
    assert said == []


INVERTED = "its channels cancel each other out (one is inverted): channel 1 alone was taken"


def test_an_inverted_channel_is_left_out(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([SOUND, -0.9 * SOUND], 1), 48_000)
    assert heard(tmp_path / "a.wav") == (near(*AT_S), [INVERTED])
    noise = 1e-3 * np.random.default_rng(1).standard_normal(len(SOUND))
    soundfile.write(tmp_path / "b.flac", np.stack([SOUND, noise - SOUND], 1), 48_000)
    assert heard(tmp_path / "b.flac") == (near(*AT_S), [INVERTED.replace("1 alone", "2 alone")])
    with recording_from_samples(np.stack([SOUND, -SOUND], 1), 48_000) as recording:
        assert [warning.en for warning in recording.info.warnings] == [INVERTED]
        assert onsets_s(recording.read().samples, 16_000) == near(*AT_S)


@pytest.mark.parametrize(
    ("channels", "at_s"),
    [
        ([SOUND, 0 * SOUND], AT_S),
        ([0 * SOUND, SOUND], AT_S),
        ([SOUND, np.roll(SOUND, 24_000)], (0.0, 0.5, 1.0, 1.5, 2.0, 2.5)),
        ([SOUND, 0.5 * SOUND, *[0 * SOUND] * 4], AT_S),
    ],
)
def test_channels_that_do_not_cancel_are_all_heard(
    tmp_path: Path, channels: list[np.ndarray], at_s: tuple[float, ...]
) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack(channels, 1), 48_000)
    assert heard(tmp_path / "a.wav") == (near(*at_s), [])


def test_a_constant_under_a_channel_is_taken_away(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([0.1 * SOUND, 0 * SOUND + 0.4], 1), 48_000)
    offset = "a constant offset (DC) of 40 % of full scale was taken away"
    found, said = heard(tmp_path / "a.wav")
    assert (found, said[0]) == (near(*AT_S), offset)
    with open_recording(tmp_path / "a.wav") as recording:
        assert recording.info.level_dbfs < -30
        assert recording.info.gain_db > 5
        assert abs(recording.read().samples.mean()) < 1e-3


def test_a_constant_alone_is_silence(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(32_000, 0.25), 16_000)
    with pytest.raises(AudioError, match="is silent"):
        open_recording(tmp_path / "a.wav")


def test_a_few_words_in_a_long_silence_are_no_silence(tmp_path: Path) -> None:
    samples = np.zeros(120 * 16_000, np.float32)
    samples[16_000 : 16_000 + len(AT_16K)] = AT_16K
    soundfile.write(tmp_path / "a.wav", samples, 16_000)
    assert heard(tmp_path / "a.wav") == (near(1.5, 2.5, 3.5), [])


def test_which_of_several_tracks_is_heard(tmp_path: Path) -> None:
    film(tmp_path / "a.mkv", [(0.0, SOUND)], tracks=3)
    assert heard(tmp_path / "a.mkv") == (
        near(*AT_S),
        ["the file has 3 sound tracks: number 1 was taken"],
    )


# --- samples ----------------------------------------------------------------------------------------


def test_floats_in_the_range_of_integers_are_turned_down(tmp_path: Path) -> None:
    for scale in (32_767, 2**31):
        soundfile.write(tmp_path / "a.wav", SOUND * scale, 48_000, subtype="DOUBLE")
        found, said = heard(tmp_path / "a.wav")
        assert found == near(*AT_S)
        assert said[0].startswith("the samples reach ")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (1e30, "more than 1e[+]10 times full scale"),
        (1e300, "are not numbers"),
        (1e6, r"single samples of \d+ times full scale"),
        (np.nan, "are not numbers"),
        (-np.inf, "are not numbers"),
    ],
)
@pytest.mark.parametrize("n_channels", [1, 2])
def test_samples_that_no_recording_has_are_refused(
    tmp_path: Path, value: float, sentence: str, n_channels: int
) -> None:
    samples = np.stack([SOUND] * n_channels, 1).astype(np.float64)
    samples[1000, 0] = value
    soundfile.write(tmp_path / "a.wav", samples, 48_000, subtype="DOUBLE")
    with pytest.raises(AudioError, match=sentence) as caught:
        open_recording(tmp_path / "a.wav")
    check_says_the_same(caught.value)


def test_the_cover_of_an_album_is_no_film(tmp_path: Path) -> None:
    path = sound_file(tmp_path / "a.mp3", SOUND, "libmp3lame", rate_hz=48_000)
    pixel = zlib.compress(b"\0\0\0\0")
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
        (b"IDAT", pixel),
        (b"IEND", b""),
    ]
    picture = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )
    cover = b"\0image/png\0\x03\0" + picture + bytes(20_000)
    frame = b"APIC" + struct.pack(">I", len(cover)) + b"\0\0" + cover
    size = bytes((len(frame) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\x03\0\0" + size + frame + path.read_bytes())
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1
    assert heard(path) == (near(*AT_S), [])
    assert probe_duration_s(path) == pytest.approx(3.0, abs=0.03)
