"""Fetching a corpus, from a server on this machine that breaks, forgets, lies and is not there."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import struct
import threading
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gpt_sovits_emotion.core.errors import CorpusError, EmotionError, OutputError
from gpt_sovits_emotion.core.locking import locked
from gpt_sovits_emotion.core.progress import no_progress
from gpt_sovits_emotion.training.corpora import SOURCES, fetch_corpus, read_corpus
from gpt_sovits_emotion.training.corpora import downloading as downloading_module
from gpt_sovits_emotion.training.corpora.downloading import unpack
from gpt_sovits_emotion.training.corpora.fetching import Source

NAMES = [f"wav/{who}a01{letter}a.wav" for who in ("03", "08") for letter in "WFN"]


def archive_of(names=NAMES, *, size: int = 60_000) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(name, bytes([number]) * size)
        archive.writestr("erkennung.txt", "not audio")
    return held.getvalue()


@dataclass
class Served:
    """What the server has, and how it behaves."""

    data: bytes = field(default_factory=archive_of)
    version: str = '"one"'
    breaks_after: list[int] = field(
        default_factory=list
    )  # bytes per answer, while there are entries
    ranges: bool = True
    length: bool = True
    status: int = 200
    asked: list[str] = field(default_factory=list)  # the Range of each request
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    served: Served

    def do_GET(self):
        served = self.served
        wanted = self.headers.get("Range", "")
        served.asked.append(wanted)
        if served.status != 200:
            self.send_error(served.status)
            return
        first = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        fresh = self.headers.get("If-Range") == served.version
        if not (wanted and served.ranges and fresh):
            first = 0
            self.send_response(200)
        elif first >= len(served.data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(served.data)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        else:
            self.send_response(206)
            self.send_header(
                "Content-Range", f"bytes {first}-{len(served.data) - 1}/{len(served.data)}"
            )
        if served.length:
            self.send_header("Content-Length", str(len(served.data) - first))
        if served.version:
            self.send_header("ETag", served.version)
        self.end_headers()
        body = served.data[first:]
        if served.breaks_after:
            body = body[: served.breaks_after.pop(0)]
        self.wfile.write(body)

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def served() -> Iterator[Served]:
    what = Served()
    handler = type("Bound", (Handler,), {"served": what})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    )
    thread.start()
    what.url = f"http://127.0.0.1:{server.server_address[1]}/corpus.zip"
    yield what
    server.shutdown()
    server.server_close()
    thread.join()


def fetch(served: Served, to: Path, *, progress=no_progress, **changes) -> Path:
    source = {"url": served.url, "n_clips": len(NAMES), "megabytes": 1, **changes}
    # A proxy of whoever runs the tests is no way to this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
    return fetch_corpus(
        "EmoDB", to, progress=progress, opener=opener, sources={"emodb": Source(**source)}
    )


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".emodb.lock"}


def test_a_corpus_is_fetched_once_and_read(served, tmp_path):
    told: list[float] = []
    folder = fetch(
        served, tmp_path / "new" / "place", progress=lambda done, doing: told.append(done)
    )
    assert folder == tmp_path / "new" / "place" / "emodb"
    corpus = read_corpus(folder)
    assert (corpus.name, len(corpus.clips), corpus.speakers) == ("emodb", 6, ("03", "08"))
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert left_in(folder.parent) == {"emodb", "emodb.fetched.json"}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    record = json.loads((folder.parent / "emodb.fetched.json").read_text())
    assert record["sha256"] == hashlib.sha256(served.data).hexdigest()
    assert record["bytes"] == len(served.data)
    assert fetch(served, folder.parent) == folder
    assert served.asked == [""]


def test_a_broken_connection_is_taken_up_where_it_was(served, tmp_path):
    served.breaks_after = [100_000, 50_000]
    fetch(served, tmp_path)
    assert served.asked == ["", "bytes=100000-", "bytes=150000-"]


def test_a_stopped_download_goes_on_with_the_next_run(served, tmp_path):
    served.breaks_after = [100_000, 0, 0]
    with pytest.raises(
        CorpusError, match=r"broke off after 0\.1 MB .* run the same command again"
    ) as caught:
        fetch(served, tmp_path)
    assert caught.value.zh
    assert not (tmp_path / "emodb").exists()

    def stop(done: float, doing: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(served, tmp_path, progress=stop)
    fetch(served, tmp_path)
    assert served.asked[1:3] == ["bytes=100000-", "bytes=100000-"]
    assert served.asked[-1] not in ("", "bytes=100000-")
    assert len(read_corpus(tmp_path / "emodb").clips) == 6


def test_a_download_that_was_whole_is_not_fetched_again(served, tmp_path):
    def stop(done: float, doing: str) -> None:
        if doing == "unpacking":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(served, tmp_path, progress=stop)
    assert left_in(tmp_path) == {".emodb.zip.part", ".emodb.zip.part.json", "emodb.fetched.json"}
    fetch(served, tmp_path)
    assert served.asked == ["", f"bytes={len(served.data)}-"]


@pytest.mark.parametrize("what", ["another version", "no ranges", "no version", "weak version"])
def test_two_versions_are_never_joined(served, tmp_path, what):
    if what in ("no version", "weak version"):
        served.version = "" if what == "no version" else 'W/"one"'
    served.breaks_after = [100_000, 0, 0]
    with pytest.raises(CorpusError):
        fetch(served, tmp_path)
    if what == "another version":
        served.version, served.data = '"two"', archive_of(size=70_000)
    served.ranges = what != "no ranges"
    fetch(served, tmp_path)
    sizes = {path.stat().st_size for path in (tmp_path / "emodb" / "wav").iterdir()}
    assert sizes == {70_000 if what == "another version" else 60_000}


def test_what_is_longer_than_the_file_is_begun_anew(served, tmp_path):
    served.breaks_after = [100_000, 0, 0]
    with pytest.raises(CorpusError):
        fetch(served, tmp_path)
    with (tmp_path / ".emodb.zip.part").open("ab") as stream:
        stream.write(b"x" * 1_000_000)
    fetch(served, tmp_path)
    assert len(read_corpus(tmp_path / "emodb").clips) == 6


def test_an_answer_without_a_length_is_read_to_its_end(served, tmp_path):
    served.length = False
    fetch(served, tmp_path, same_bytes=False)
    assert len(read_corpus(tmp_path / "emodb").clips) == 6


def test_another_part_than_was_asked_for_is_not_taken(served, tmp_path):
    class Answer(io.BytesIO):
        status = 206
        headers = {"Content-Range": "bytes 7-9/10", "ETag": '"one"'}  # noqa: RUF012

    opened = 0

    def opener(request, timeout):
        nonlocal opened
        opened += 1
        return Answer(b"xyz")

    with pytest.raises(CorpusError, match=r"broke off after 0\.0 MB"):
        downloading_module.download(
            "http://x.invalid/", tmp_path / "a.part", progress=no_progress, opener=opener
        )
    assert opened == downloading_module.ATTEMPTS
    assert not (tmp_path / "a.part").exists()


def test_no_network_is_one_clear_sentence(served, tmp_path):
    def opener(request, timeout):
        raise urllib.error.URLError(OSError(-3, "Temporary failure in name resolution"))

    with pytest.raises(
        CorpusError, match=r"cannot be reached .Temporary failure in name resolution.: is there"
    ) as caught:
        fetch_corpus("emodb", tmp_path, opener=opener)
    assert SOURCES["emodb"].url in str(caught.value)
    assert "是否有网络" in caught.value.say("zh")
    assert left_in(tmp_path) == set()


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_a_refusal_is_one_clear_sentence(served, tmp_path, status):
    served.status = status
    with pytest.raises(CorpusError, match=f"the server answered {status} "):
        fetch(served, tmp_path)
    assert served.asked == [""]


def test_a_wrong_checksum_is_refused_and_begun_anew(served, tmp_path):
    with pytest.raises(CorpusError, match="is not the archive that its makers published"):
        fetch(served, tmp_path, md5="0" * 32)
    assert left_in(tmp_path) == set()
    fetch(served, tmp_path, md5=hashlib.md5(served.data).hexdigest())


def test_another_archive_than_the_first_time_is_refused(served, tmp_path):
    folder = fetch(served, tmp_path)
    folder.rename(tmp_path / "elsewhere")
    served.data = archive_of(size=50_000)
    with pytest.raises(CorpusError, match="differs from what was fetched before"):
        fetch(served, tmp_path)
    fetch(served, tmp_path, same_bytes=False)


def test_a_record_that_is_damaged_is_named(served, tmp_path):
    (tmp_path / "emodb.fetched.json").write_text("{")
    with pytest.raises(CorpusError, match=r"emodb\.fetched\.json cannot be read"):
        fetch(served, tmp_path)


def test_an_archive_with_too_few_clips_is_refused(served, tmp_path):
    served.data = archive_of(NAMES[:4])
    with pytest.raises(CorpusError, match="holds 4 clips of EmoDB, which has 6"):
        fetch(served, tmp_path)
    served.data = archive_of(["a.wav"])
    with pytest.raises(CorpusError):
        fetch(served, tmp_path, same_bytes=False)
    assert not (tmp_path / "emodb").exists()
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_a_folder_of_that_name_is_never_overwritten(served, tmp_path):
    mine = tmp_path / "emodb" / "my thesis.txt"
    mine.parent.mkdir()
    mine.write_text("years of work")
    with pytest.raises(CorpusError, match="is not EmoDB as distributed"):
        fetch(served, tmp_path)
    assert mine.read_text() == "years of work"
    assert served.asked == []


def test_two_at_once_do_not_write_into_each_other(served, tmp_path):
    with (
        locked(tmp_path / ".emodb.lock"),
        pytest.raises(CorpusError, match="another process is fetching EmoDB"),
    ):
        fetch(served, tmp_path)
    fetch(served, tmp_path)


def test_a_place_that_cannot_be_written_is_named(served, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"the folder .*file.* cannot be made"):
        fetch(served, tmp_path / "file" / "inside")


def test_a_full_disk_is_said(served, tmp_path, monkeypatch):
    class Usage:
        free = 1000

    monkeypatch.setattr(downloading_module.shutil, "disk_usage", lambda folder: Usage)
    with pytest.raises(OutputError, match=r"needs 0 MB to be unpacked .* make room"):
        fetch(served, tmp_path)
    assert ".emodb.zip.part" in left_in(tmp_path)
    monkeypatch.undo()
    fetch(served, tmp_path)
    assert served.asked == ["", f"bytes={len(served.data)}-"]


# --- archives that mean harm -------------------------------------------------------------------------


def entry(name: str, *, mode: int = 0, data: bytes = b"x") -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, data)
    return held.getvalue()


def twice() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a.wav", "1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.wav", "2")
    return held.getvalue()


def lying_about_size() -> bytes:
    """The table of contents says 2 bytes, the content unpacks to 5 MB."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.wav", bytes(5_000_000))
    data = bytearray(held.getvalue())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 2)
    return bytes(data)


def altered() -> bytes:
    data = bytearray(archive_of())
    data[1000] ^= 0xFF
    return bytes(data)


HARMFUL: dict[str, Callable[[], bytes]] = {
    "above": lambda: entry("../evil.wav"),
    "deep above": lambda: entry("wav/../../evil.wav"),
    "absolute": lambda: entry("/evil.wav"),
    "drive": lambda: entry("C:/evil.wav"),
    "backslash": lambda: entry("wav\\..\\evil.wav"),
    "link": lambda: entry("wav", mode=stat.S_IFLNK | 0o777, data=b"/etc"),
    "device": lambda: entry("wav", mode=stat.S_IFIFO | 0o644),
    "twice": twice,
    "lying": lying_about_size,
    "altered": altered,
    "cut off": lambda: archive_of()[:-100],
    "no zip": lambda: b"<html>404 not found</html>" * 100,
    "empty": lambda: b"",
    "no files": lambda: b"PK\x05\x06" + bytes(18),
}


@pytest.mark.parametrize("name", HARMFUL)
def test_nothing_harmful_is_unpacked(tmp_path, name):
    archive, folder = tmp_path / "a.zip", tmp_path / "inside" / "folder"
    folder.mkdir(parents=True)
    archive.write_bytes(HARMFUL[name]())
    with pytest.raises(CorpusError) as caught:
        unpack(archive, folder, progress=no_progress)
    assert caught.value.zh
    outside = {path for path in tmp_path.rglob("*") if folder not in path.parents}
    assert outside == {archive, folder, folder.parent}
    assert not any(path.is_symlink() for path in folder.rglob("*"))
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 500_000


@pytest.mark.parametrize("limit", ["MAX_UNPACKED_BYTES", "MAX_FILES"])
def test_a_bomb_is_refused_before_anything_is_written(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(downloading_module, limit, 3)
    (tmp_path / "a.zip").write_bytes(archive_of())
    (tmp_path / "folder").mkdir()
    with pytest.raises(CorpusError, match="was not unpacked: 7 files"):
        unpack(tmp_path / "a.zip", tmp_path / "folder", progress=no_progress)
    assert not list((tmp_path / "folder").iterdir())


@pytest.mark.parametrize("name", ["above", "altered", "no zip"])
def test_a_harmful_download_leaves_nothing(served, tmp_path, name):
    served.data = HARMFUL[name]()
    with pytest.raises(EmotionError):
        fetch(served, tmp_path)
    assert left_in(tmp_path) == {"emodb.fetched.json"}


def test_addresses_are_the_makers_own():
    for corpus_id, source in SOURCES.items():
        assert source.url.startswith(
            ("http://emodb.bilderbar.info/", "https://zenodo.org/", "https://github.com/")
        )
        assert source.n_clips > 500, corpus_id
