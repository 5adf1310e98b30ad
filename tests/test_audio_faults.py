"""What is no audio, or none that can be had, is named in one sentence, and nothing hangs."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from bilingual import check_says_the_same
from media_files import clicks, film, pcm_wav, sound_file

from gpt_sovits_emotion.audio import open_recording, probe_duration_s
from gpt_sovits_emotion.core.errors import AudioError

SOUND = clicks(1.0, [0.4])
AT_16K = clicks(1.0, [0.4], rate_hz=16_000)


def refused(path: Path, sentence: str) -> None:
    """Fail unless a file is refused with this sentence, in both languages and by both ways in."""
    with pytest.raises(AudioError, match=sentence) as caught:
        open_recording(path, allow_damaged=True)
    assert "\n" not in str(caught.value)
    check_says_the_same(caught.value)
    with pytest.raises(AudioError):
        probe_duration_s(path)


def box(name: bytes, *parts: bytes) -> bytes:
    """Return a box of an MP4."""
    data = b"".join(parts)
    return struct.pack(">I4s", 8 + len(data), name) + data


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("voice.amr", b"\x02#!SILK_V3" + b"\x10\0" * 500, "is a SILK voice message"),
        ("voice.slk", b"#!SILK_V3" + b"\x10\0" * 500, "is a SILK voice message.*convert it to wav"),
        ("song.ncm", b"CTENFDAM" + b"\x01" * 900, "encrypted by a music shop"),
        ("clip.wav", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("clip.mp3", b"<!DOCTYPE html>\n<html>" + b" " * 900, r"is a web page \(HTML\).*fetch it"),
        ("clips.wav", b"PK\x03\x04" + bytes(900), "is an archive .*unpack it"),
        ("clip.wav", b"%PDF-1.7\n" + bytes(900), "is a PDF document"),
        ("words.wav", b"Hello, this is a text.\n" * 40, "is not audio that FFmpeg knows"),
        ("zero.wav", b"", r"is empty \(0 bytes\)"),
        ("nothing.wav", bytes(5000), "is not audio that FFmpeg knows"),
        ("head.wav", pcm_wav(AT_16K[:0]), "without a single sample"),
        (
            "piped.wav",
            pcm_wav(AT_16K[:0], riff_size=0xFFFFFFFF, data_size=0xFFFFFFFF),
            "without a single sample",
        ),
        ("half.wav", pcm_wav(AT_16K)[:30], "is not audio|without a single sample"),
        ("riff.wav", b"RIFF\x24\0\0\0WAVE", "is not audio that FFmpeg knows"),
        ("empty.amr", b"#!AMR\n", "without a single sample"),
        (
            "broken-off.mp4",
            box(b"ftyp", b"isom\0\0\2\0isom") + box(b"mdat", bytes(5000)),
            r"has no index \(moov\)",
        ),
    ],
)
def test_what_is_no_audio_is_named(tmp_path: Path, name: str, data: bytes, sentence: str) -> None:
    (tmp_path / name).write_bytes(data)
    refused(tmp_path / name, sentence)


@pytest.mark.parametrize("size", [1 << 62, -(1 << 62), (1 << 63) - 1])
def test_sizes_that_make_no_sense_are_damage(tmp_path: Path, size: int) -> None:
    path = sound_file(tmp_path / "a.caf", SOUND, "pcm_s16le", container="caf")
    data = bytearray(path.read_bytes())
    at = data.index(b"desc")
    data[at + 4 : at + 12] = struct.pack(">q", size)
    path.write_bytes(data)
    refused(path, "is not audio|is damaged|holds no")


def test_encrypted_sound_is_named(tmp_path: Path) -> None:
    data = sound_file(tmp_path / "a.m4a", SOUND, "aac").read_bytes()
    for entry in (b"enca", b"drms"):
        (tmp_path / "locked.m4a").write_bytes(data.replace(b"mp4a", entry, 1))
        refused(tmp_path / "locked.m4a", r"is protected: its sound is encrypted \(DRM\)")


def test_a_track_without_a_decoder_is_named(tmp_path: Path) -> None:
    path = sound_file(tmp_path / "a.mka", SOUND, "pcm_s16le", container="matroska")
    path.write_bytes(path.read_bytes().replace(b"A_PCM/INT/LIT", b"A_XXX/INT/LIT", 1))
    refused(path, "for which there is no decoder here; convert it")


def test_a_track_that_can_be_decoded_stands_in_for_one_that_cannot(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", [(0.0, SOUND)], "pcm_s16le", tracks=2)
    path.write_bytes(path.read_bytes().replace(b"A_PCM/INT/LIT", b"A_XXX/INT/LIT", 1))
    with open_recording(path) as recording:
        assert [warning.en for warning in recording.info.warnings] == [
            "the file has 2 sound tracks: number 2 was taken"
        ]


def test_a_film_without_sound_and_one_whose_sound_is_empty(tmp_path: Path) -> None:
    refused(film(tmp_path / "a.mkv", [], tracks=0), "holds no sound track")
    refused(film(tmp_path / "b.mkv", [], tracks=1), "without a single sample")


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    (tmp_path / "folder.wav").mkdir()
    refused(tmp_path / "folder.wav", "is a folder; name the audio files in it")
    os.mkfifo(tmp_path / "pipe.wav")  # opening it would wait for somebody to write
    refused(tmp_path / "pipe.wav", "is a pipe or a device and no file; save its sound")
    (tmp_path / "link.wav").symlink_to("/dev/zero")
    refused(tmp_path / "link.wav", "is a pipe or a device")
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    refused(tmp_path / "loop.wav", "cannot be read|no such file")
    refused(tmp_path / ("x" * 300 + ".wav"), "cannot be read")
    refused(tmp_path / "nul\0.wav", "cannot be read")


@pytest.mark.parametrize("name", [b"\xb2\xe2\xca\xd4.wav", b"caf\xe9.wav", b"\xff\xfe.wav"])
def test_a_name_that_is_no_utf_8_is_read_and_shown(tmp_path: Path, name: bytes) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    path.write_bytes(pcm_wav(AT_16K))
    with open_recording(path) as recording:
        recording.info.name.encode("utf-8")
        assert "\ufffd" in recording.info.name
    path.write_bytes(b"")
    with pytest.raises(AudioError, match="is empty") as caught:
        open_recording(path)
    str(caught.value).encode("utf-8")
    path.unlink()
    with pytest.raises(AudioError, match="no such file") as caught:
        open_recording(path)
    str(caught.value).encode("utf-8")
