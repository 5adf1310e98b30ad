"""The installed Whisper base: located, joined once, checked. With small packages, then with the real ones."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from bilingual import check_says_the_same
from filelock import FileLock

from gpt_sovits_emotion.core.errors import WhisperModelError
from gpt_sovits_emotion.transcription import find_local_model, find_model, hub, installed
from gpt_sovits_emotion.transcription.installed import installed_folder, is_installed

PART_1, PART_2 = "small_whisper_part1", "small_whisper_part2"
HALVES = (bytes(range(256)) * 40, b"second half " * 900)
WHOLE = b"".join(HALVES)
SUM = hashlib.sha256(WHOLE).hexdigest()


def make_packages(site: Path) -> Path:
    """Two packages as the real ones are built, but small; importing them fails."""
    for package, half, name in zip(
        (PART_1, PART_2), HALVES, ("model.bin.part1", "model.bin.part2"), strict=True
    ):
        (site / package / "data").mkdir(parents=True)
        (site / package / "__init__.py").write_text("raise AssertionError('imported')\n")
        (site / package / "data" / name).write_bytes(half)
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (site / PART_1 / "data" / name).write_text(f"{name} of base")
    return site


@pytest.fixture
def cache(monkeypatch, tmp_path) -> Path:
    """A cache of its own, and no real package."""
    monkeypatch.setenv("GPT_SOVITS_EMOTION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hub, "cached_folder", lambda name, cache_dir=None: None)
    return tmp_path / "cache"


@pytest.fixture
def site(monkeypatch, tmp_path, cache) -> Path:
    """The folder with the two small packages, which stand for the real ones."""
    site = make_packages(tmp_path / "site")
    monkeypatch.setattr(installed, "_N_BYTES", len(WHOLE))
    monkeypatch.setattr(installed, "_SHA256", SUM)
    monkeypatch.setattr(installed, "_PACKAGES", (PART_1, PART_2))
    monkeypatch.syspath_prepend(str(site))
    return site


def left_in(cache: Path) -> set[str]:
    """What lies in the cache, but for the lock."""
    return {path.name for path in cache.iterdir()} - {".faster-whisper-base.lock"}


def test_it_is_joined_from_both_packages_and_nothing_is_imported(site, cache):
    folder = installed_folder()
    assert folder == cache / "faster-whisper-base"
    assert (folder / "model.bin").read_bytes() == WHOLE
    assert (folder / "tokenizer.json").read_text() == "tokenizer.json of base"
    assert {path.name for path in folder.iterdir()} == {
        "model.bin", "config.json", "tokenizer.json", "vocabulary.txt", "checked.json",
    }  # fmt: skip
    assert left_in(cache) == {"faster-whisper-base"}
    assert not {PART_1, PART_2} & set(sys.modules)


def test_it_is_joined_once(site, cache, monkeypatch):
    folder = installed_folder()
    changed_ns = (folder / "model.bin").stat().st_mtime_ns
    monkeypatch.setattr(installed, "_join", lambda *_: pytest.fail("joined again"))
    assert installed_folder() == folder
    assert (folder / "model.bin").stat().st_mtime_ns == changed_ns


def test_once_joined_it_stays_when_the_packages_go(site, cache):
    folder = installed_folder()
    shutil.rmtree(site / PART_2)
    assert installed_folder() == folder


def test_nothing_is_installed(cache, monkeypatch):
    monkeypatch.setattr(installed, "_PACKAGES", (PART_1, PART_2))
    assert installed_folder() is None
    assert not cache.exists()


@pytest.mark.parametrize("absent", [PART_1, PART_2])
def test_half_an_installation_is_one_sentence(site, cache, absent):
    shutil.rmtree(site / absent)
    with pytest.raises(WhisperModelError, match="only one half") as caught:
        installed_folder()
    assert absent.replace("_", "-") in str(caught.value)
    assert "pip install 'gpt-sovits-emotion[offline]'" in str(caught.value)
    check_says_the_same(caught.value)
    assert not cache.exists()


@pytest.mark.parametrize(
    "wrong", [HALVES[1][:-1], HALVES[1] + b"!", bytes([HALVES[1][0] ^ 1]) + HALVES[1][1:]]
)
def test_a_wrong_sum_is_refused_and_leaves_nothing(site, cache, wrong):
    (site / PART_2 / "data" / "model.bin.part2").write_bytes(wrong)
    with pytest.raises(WhisperModelError, match=r"is not used; install it again") as caught:
        installed_folder()
    assert SUM[:12] in str(caught.value)
    check_says_the_same(caught.value)
    assert left_in(cache) == set()


@pytest.mark.parametrize("name", ["model.bin.part1", "tokenizer.json"])
def test_a_package_that_lacks_a_file_is_one_sentence(site, cache, name):
    (site / PART_1 / "data" / name).unlink()
    with pytest.raises(WhisperModelError, match=f"lacks the file .*{name}") as caught:
        installed_folder()
    check_says_the_same(caught.value)
    assert left_in(cache) == set()


@pytest.mark.parametrize(
    ("number", "says"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "Read-only file system")],
)
def test_a_cache_that_cannot_be_written_is_one_sentence(site, cache, monkeypatch, number, says):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(installed.shutil, "copyfile", fail)
    with pytest.raises(WhisperModelError, match=f"could not be joined in .*{says}") as caught:
        installed_folder()
    assert "GPT_SOVITS_EMOTION_CACHE" in str(caught.value)
    check_says_the_same(caught.value)
    assert left_in(cache) == set()


def test_a_cache_that_is_a_file_is_one_sentence(site, cache):
    cache.write_text("not a folder")
    with pytest.raises(WhisperModelError, match="could not be joined"):
        installed_folder()


@pytest.mark.parametrize("change", ["cut off", "altered", "no tokenizer", "no stamp, altered"])
def test_a_joined_model_that_was_changed_is_made_anew(site, cache, change):
    folder = installed_folder()
    weights = folder / "model.bin"
    if change == "cut off":
        os.truncate(weights, 100)
    elif change == "no tokenizer":
        (folder / "tokenizer.json").unlink()
    else:
        weights.write_bytes(WHOLE[:-1] + b"x")
        if change == "no stamp, altered":
            (folder / "checked.json").unlink()
    assert installed_folder() == folder
    assert weights.read_bytes() == WHOLE
    assert (folder / "tokenizer.json").is_file()
    assert left_in(cache) == {"faster-whisper-base"}


def test_a_joined_model_that_was_changed_is_not_used_when_the_packages_are_gone(site, cache):
    os.truncate(installed_folder() / "model.bin", 100)
    shutil.rmtree(site / PART_1)
    shutil.rmtree(site / PART_2)
    assert installed_folder() is None


def test_a_model_that_was_copied_is_checked_and_kept(site, cache, monkeypatch):
    folder = installed_folder()
    os.utime(folder / "model.bin", ns=(1, 1))
    monkeypatch.setattr(installed, "_copy", lambda *_: pytest.fail("joined again"))
    assert installed_folder() == folder
    monkeypatch.setattr(installed, "_join", lambda *_: pytest.fail("its new stamp was not kept"))
    assert installed_folder() == folder


def test_what_a_killed_process_left_is_removed(site, cache):
    (cache / ".joining-whisper-killed").mkdir(parents=True)
    (cache / ".joining-whisper-killed" / "model.bin").write_bytes(HALVES[0])
    installed_folder()
    assert left_in(cache) == {"faster-whisper-base"}


def test_a_process_that_never_ends_joining_is_not_waited_for_for_ever(site, cache, monkeypatch):
    monkeypatch.setattr(installed, "_PATIENCE_S", 0.05)
    cache.mkdir()
    with (
        FileLock(cache / ".faster-whisper-base.lock"),
        pytest.raises(WhisperModelError, match="another process") as caught,
    ):
        installed_folder()
    check_says_the_same(caught.value)


def test_several_processes_join_at_once(site, cache):
    script = textwrap.dedent(f"""
        import sys
        from gpt_sovits_emotion.transcription import installed
        installed._PACKAGES = {(PART_1, PART_2)!r}
        installed._N_BYTES, installed._SHA256 = {len(WHOLE)}, {SUM!r}
        sys.path.insert(0, {str(site)!r})
        sys.stdin.readline()
        print(installed.installed_folder())
    """)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in running:
        process.stdin.write("now\n")
        process.stdin.flush()
    assert [process.communicate()[0].strip() for process in running] == [
        str(cache / "faster-whisper-base")
    ] * 4
    assert (cache / "faster-whisper-base" / "model.bin").read_bytes() == WHOLE
    assert left_in(cache) == {"faster-whisper-base"}


# --- found -------------------------------------------------------------------------------------------


def test_base_is_found_installed(site, cache):
    found = find_model("base", allow_download=False)
    assert (found.name, found.origin) == ("base", "installed")
    assert (found.folder, found.source) == (cache / "faster-whisper-base", "faster-whisper:base")
    assert find_local_model("Systran/faster-whisper-base") == found
    assert find_local_model("tiny") is None


def test_looking_whether_it_is_installed_joins_nothing(site, cache):
    from webui_tab.app_context import AppContext
    from webui_tab.settings import MENUS

    assert is_installed("base")
    assert not is_installed("small")
    choices = MENUS["whisper"].choices
    offered = choices(AppContext(allow_download=False), "en")
    assert set(offered.values()) == {"auto", "base", "none"}
    assert "base (on this machine)" in offered
    assert not cache.exists()
    shutil.rmtree(site / PART_1)
    assert not is_installed("base")
    assert set(choices(AppContext(allow_download=False), "en").values()) == {"auto", "none"}


def test_a_damaged_installation_is_said_and_not_passed_over(site, monkeypatch):
    shutil.rmtree(site / PART_2)
    monkeypatch.setattr(hub, "download", lambda *_, **__: pytest.fail("was downloaded"))
    for name in ("base", "auto"):
        with pytest.raises(WhisperModelError, match="only one half"):
            find_model(name)


# --- the real packages -------------------------------------------------------------------------------


def test_the_real_packages_hold_the_whisper_base_that_is_expected(whisper_base, monkeypatch):
    monkeypatch.setattr(hub, "cached_folder", lambda name, cache_dir=None: None)
    found = find_model("base", allow_download=False)
    assert found.origin == "installed"
    weights = found.folder / "model.bin"
    assert weights.stat().st_size == 145_217_532
    expected = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == expected
    assert not set(installed._PACKAGES) & set(sys.modules)
