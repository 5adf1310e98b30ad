"""The cache of features: bounded, shared, and never a reason for a run to fail."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import REPOSITORY
from hypothesis import given
from hypothesis import strategies as st

from gpt_sovits_emotion.core import keyed_store
from gpt_sovits_emotion.encoders import feature_cache
from gpt_sovits_emotion.encoders.feature_cache import (
    FILE_NAME,
    FeatureCache,
    content_digest,
    default_cache,
    feature_key,
)

DIM = 1024


def row(number: int, dim: int = DIM) -> np.ndarray:
    return np.random.default_rng(number).standard_normal(dim).astype(np.float32)


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def filled(path: Path, numbers=range(4), **options) -> FeatureCache:
    cache = FeatureCache(path, **options)
    cache.keep({key(number): row(number) for number in numbers})
    cache.close()
    return cache


def held(cache: FeatureCache, numbers) -> set[int]:
    return {number for number in numbers if key(number) in cache.find([key(number)], dim=DIM)}


# --- keeping ---------------------------------------------------------------------------------------


def test_what_is_kept_is_found_again_bit_by_bit(tmp_path) -> None:
    filled(tmp_path)
    with FeatureCache(tmp_path) as cache:
        found = cache.find([key(3), key(0), key(99)], dim=DIM)
        assert set(found) == {key(0), key(3)}
        np.testing.assert_array_equal(found[key(3)], row(3))
        assert found[key(3)].dtype == np.float32
        assert found[key(3)].flags.writeable
        assert not cache.warnings
    assert (tmp_path / FILE_NAME).is_file()
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_more_keys_than_one_question_takes(tmp_path) -> None:
    n = keyed_store._KEYS_PER_QUESTION * 2 + 1
    with FeatureCache(tmp_path) as cache:
        cache.keep({key(number): row(number, 2) for number in range(n)})
        assert len(cache.find([key(number) for number in range(n)], dim=2)) == n


def test_what_was_not_flushed_is_found_all_the_same(tmp_path) -> None:
    with FeatureCache(tmp_path) as cache:
        cache.keep({key(1): row(1)})
        assert held(cache, [1]) == {1}


def test_nothing_is_opened_before_it_is_used(tmp_path) -> None:
    with FeatureCache(tmp_path / "never"):
        pass
    assert not (tmp_path / "never").exists()


def test_a_vector_of_another_length_is_not_found(tmp_path) -> None:
    filled(tmp_path)
    with FeatureCache(tmp_path) as cache:
        assert cache.find([key(1)], dim=DIM - 1) == {}
        assert held(cache, range(4)) == {0, 2, 3}  # it was no use to anybody


def test_the_place_is_what_the_environment_says(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("GPT_SOVITS_EMOTION_CACHE", str(tmp_path / "here"))
    assert default_cache() == FeatureCache().path == tmp_path / "here" / FILE_NAME
    monkeypatch.delenv("GPT_SOVITS_EMOTION_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert default_cache().is_relative_to(tmp_path / "gpt-sovits-emotion")
    assert FeatureCache(tmp_path / "a.sqlite").path == tmp_path / "a.sqlite"
    assert FeatureCache(str(tmp_path)).path == tmp_path / FILE_NAME


def test_the_key_holds_everything_that_matters(tmp_path) -> None:
    (tmp_path / "a").write_bytes(b"sounds")
    (tmp_path / "b").write_bytes(b"sounds")
    (tmp_path / "c").write_bytes(b"others")
    one, same, other = (content_digest(tmp_path / name) for name in "abc")
    assert one == same != other

    def named(content=one, encoder_id="hubert:6", fingerprint="f", alteration="none") -> bytes:
        return feature_key(
            content, encoder_id=encoder_id, fingerprint=fingerprint, alteration=alteration
        )

    assert named() == named(same)
    different = {
        named(),
        named(other),
        named(encoder_id="hubert:7"),
        named(fingerprint="g"),
        named(alteration="faster"),
    }
    assert len(different) == 5


def test_a_file_of_the_first_release_is_read(tmp_path) -> None:
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.executescript(
        "PRAGMA application_id=1735615814; PRAGMA user_version=1;"
        "CREATE TABLE entries (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE,"
        " checksum INTEGER NOT NULL, n_bytes INTEGER NOT NULL, used REAL NOT NULL);"
        "CREATE INDEX entries_by_use ON entries (used, id);"
        "CREATE TABLE vectors (id INTEGER PRIMARY KEY, data BLOB NOT NULL);"
        # 1.0 and -2.0 as float32, and their CRC-32
        "INSERT INTO entries VALUES (1, x'6b6579', 3280414294, 8, 0.0);"
        "INSERT INTO vectors VALUES (1, x'0000803f000000c0');"
    )
    connection.close()
    with FeatureCache(tmp_path) as cache:
        assert cache.find([b"key"], dim=2)[b"key"].tolist() == [1.0, -2.0]
        assert not cache.warnings


# --- bounded ---------------------------------------------------------------------------------------


def test_the_least_recently_used_go_first(tmp_path, monkeypatch) -> None:
    now = [0.0]
    monkeypatch.setattr(feature_cache.time, "time", lambda: now[0])
    limit = 400_000  # about 80 vectors of 4 KiB
    cache = FeatureCache(tmp_path, max_bytes=limit)
    for number in range(60):
        now[0] += 1
        cache.keep({key(number): row(number)})
        cache.flush()
    assert held(cache, range(20)) == set(range(20))  # used once more
    now[0] += 1
    cache.flush()
    for number in range(60, 110):
        now[0] += 1
        cache.keep({key(number): row(number)})
        cache.flush()
        assert cache.size_bytes <= limit
    left = held(cache, range(110))
    assert set(range(90, 110)) <= left
    assert not left & set(range(20, 40))
    assert left & set(range(20))
    cache.close()
    assert (tmp_path / FILE_NAME).stat().st_size <= limit


def test_a_lowered_limit_gives_the_disk_back(tmp_path) -> None:
    filled(tmp_path, range(200))
    before = (tmp_path / FILE_NAME).stat().st_size
    with FeatureCache(tmp_path, max_bytes=before // 4) as cache:
        cache.keep({key(1000): row(1000)})
    assert (tmp_path / FILE_NAME).stat().st_size <= before // 4
    assert held(FeatureCache(tmp_path), [1000]) == {1000}


@given(st.integers(1, 200_000), st.lists(st.integers(0, 40), max_size=30))
def test_whatever_the_limit_what_is_found_is_right(limit, numbers) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder, FeatureCache(folder, max_bytes=limit) as cache:
        for number in numbers:
            cache.keep({key(number): row(number, 300)})
            cache.flush()
        for found, value in cache.find(map(key, range(41)), dim=300).items():
            np.testing.assert_array_equal(value, row(int.from_bytes(found, "big"), 300))
        assert not cache.warnings


# --- shared ----------------------------------------------------------------------------------------

_WRITER = """
import sys
import numpy as np
from gpt_sovits_emotion.encoders.feature_cache import FeatureCache

first = int(sys.argv[2])
with FeatureCache(sys.argv[1]) as cache:
    for number in range(first, first + 60):
        value = np.random.default_rng(number).standard_normal(1024).astype(np.float32)
        cache.keep({number.to_bytes(32, "big"): value})
        cache.flush()
    print(len(cache.warnings))
"""


def test_two_processes_at_once(tmp_path) -> None:
    """Both begin the file, and they write some of the same embeddings."""
    commands = [[sys.executable, "-c", _WRITER, str(tmp_path), first] for first in ("0", "30")]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
        for command in commands
    ]
    assert [process.communicate(timeout=600)[0].strip() for process in running] == ["0", "0"]
    with FeatureCache(tmp_path) as cache:
        found = cache.find(map(key, range(90)), dim=DIM)
        assert len(found) == 90
        for number in (0, 45, 89):
            np.testing.assert_array_equal(found[key(number)], row(number))


def test_two_caches_in_one_process(tmp_path) -> None:
    with FeatureCache(tmp_path) as one, FeatureCache(tmp_path) as other:
        one.keep({key(1): row(1)})
        one.flush()
        other.keep({key(1): row(1), key(2): row(2)})
        other.flush()
        assert held(one, [1, 2]) == held(other, [1, 2]) == {1, 2}


# --- what can go wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["overwritten", "cut", "scribbled"])
def test_a_damaged_file_is_set_aside_and_begun_anew(tmp_path, damage) -> None:
    filled(tmp_path, range(100))
    path = tmp_path / FILE_NAME
    data = bytearray(path.read_bytes())
    if damage == "overwritten":
        data = bytearray(b"not a database at all" * 1000)
    elif damage == "cut":
        data = data[: len(data) // 3]
    else:
        data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)
    with FeatureCache(tmp_path) as cache:
        assert cache.find(map(key, range(100)), dim=DIM) == {}
        cache.keep({key(7): row(7)})
        assert held(cache, [7]) == {7}
        (warning,) = cache.warnings
        assert "was damaged" in warning.en
        assert "features.damaged.sqlite" in warning.en
        assert "features.damaged.sqlite" in warning.zh
    assert (tmp_path / "features.damaged.sqlite").read_bytes() == bytes(data)
    with FeatureCache(tmp_path) as cache:
        assert held(cache, [7]) == {7}
        assert not cache.warnings


def test_a_flipped_bit_costs_its_vector_alone(tmp_path) -> None:
    filled(tmp_path)
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        (data,) = connection.execute("SELECT data FROM vectors WHERE id = 2").fetchone()
        flipped = bytes([data[0] ^ 1]) + data[1:]
        connection.execute("UPDATE vectors SET data = ? WHERE id = 2", (flipped,))
    connection.close()
    with FeatureCache(tmp_path) as cache:
        assert held(cache, range(4)) == {0, 2, 3}
        cache.keep({key(1): row(1)})
        assert held(cache, range(4)) == {0, 1, 2, 3}


def test_on_a_full_disk_the_run_goes_on_without(tmp_path) -> None:
    filled(tmp_path)
    with FeatureCache(tmp_path) as cache:
        cache.find([key(1)], dim=DIM)
        assert cache._connection is not None
        n_pages = cache._connection.execute("PRAGMA page_count").fetchone()[0]
        cache._connection.execute(f"PRAGMA max_page_count={n_pages}")  # as full as a disk can be
        cache.keep({key(number): row(number) for number in range(10, 60)})
        cache.flush()
        (warning,) = cache.warnings
        assert "the disk is full" in warning.en
        assert "磁盘已满" in warning.zh
        cache.keep({key(60): row(60)})
        assert cache.find([key(1)], dim=DIM) == {}
        assert len(cache.warnings) == 1
    with FeatureCache(tmp_path) as cache:
        assert held(cache, range(60)) == set(range(4))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_place_that_cannot_be_written_is_said_once(tmp_path) -> None:
    (tmp_path / "file").write_text("a file, no folder")
    for place in (tmp_path / "file" / "below", Path("/dev/full/below")):
        with FeatureCache(place) as cache:
            cache.keep({key(1): row(1)})
            cache.flush()
            assert cache.find([key(1)], dim=DIM) == {}
            assert cache.size_bytes == 0
            (warning,) = cache.warnings
            assert "the run goes on" in warning.en


def test_somebody_elses_database_is_left_alone(tmp_path) -> None:
    path = tmp_path / "photos.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE photos (name TEXT)")
    connection.close()
    before = path.read_bytes()
    with FeatureCache(path) as cache:
        cache.keep({key(1): row(1)})
        cache.flush()
        assert "belongs to another program" in cache.warnings[0].en
    assert path.read_bytes() == before


def test_a_file_that_another_process_has_renewed_is_not_set_aside_again(tmp_path) -> None:
    filled(tmp_path)
    with FeatureCache(tmp_path) as slow:
        slow.find([key(1)], dim=DIM)
        # Another process finds the file damaged, sets it aside and begins it anew.
        (tmp_path / FILE_NAME).rename(tmp_path / "features.damaged.sqlite")
        filled(tmp_path, range(50, 60))
        slow._set_aside(sqlite3.DatabaseError("database disk image is malformed"))
        assert held(slow, range(50, 60)) == set(range(50, 60))
        assert not slow.warnings


@pytest.mark.parametrize("name", ["kept", "kept.features", "kept.sqlite"])
def test_a_file_of_any_name_is_one_file_the_next_time_too(tmp_path: Path, name: str) -> None:
    for _ in range(2):
        with FeatureCache(tmp_path / name) as cache:
            cache.keep({b"key": np.ones(3, np.float32)})
        assert (tmp_path / name).is_file()
    with FeatureCache(tmp_path / name) as cache:
        assert cache.find([b"key"], dim=3)[b"key"].tolist() == [1, 1, 1]
