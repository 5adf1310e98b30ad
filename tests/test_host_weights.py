"""The tool that fills a checkout with weights, as far as it needs neither torch nor a checkout."""

from __future__ import annotations

from pathlib import Path

import pytest
from host.weights import _make_whole


def test_what_was_left_half_written_is_not_kept(tmp_path: Path) -> None:
    def stopped(path: Path) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _make_whole(stopped, tmp_path / "voice.wav")
    assert not (tmp_path / "voice.wav").exists()
    _make_whole(lambda path: path.write_bytes(path.suffix.encode()), tmp_path / "voice.wav")
    assert [path.name for path in tmp_path.iterdir()] == ["voice.wav"]
    assert (tmp_path / "voice.wav").read_bytes() == b".wav"  # soundfile goes by the ending


def test_a_folder_left_half_written_is_made_anew(tmp_path: Path) -> None:
    left = tmp_path / "part-bert"
    left.mkdir()
    (left / "old.bin").write_bytes(b"old")
    _make_whole(Path.mkdir, tmp_path / "bert")
    assert [path.name for path in tmp_path.iterdir()] == ["bert"]
    assert list((tmp_path / "bert").iterdir()) == []
