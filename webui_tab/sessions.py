"""What each open page holds, where its files lie, and how all of it is forgotten.

Every page has a folder of its own (mode 0700) under one root. When the page is closed, the folder, the
recording that was uploaded to it, and everything in memory go; a job that still runs for it is told to
stop, and the rest goes when it has.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gpt_sovits_emotion.audio import Recording
from gpt_sovits_emotion.engines import DEFAULT_HEAD
from gpt_sovits_emotion.errors import EmotionError
from gpt_sovits_emotion.hosts.base import Sampling
from gpt_sovits_emotion.progress import Progress
from gpt_sovits_emotion.records import (
    ReferenceBank,
    ReferenceChoice,
    Sentence,
    Synthesis,
    TaggedTranscript,
)
from gpt_sovits_emotion.tag import Tagging
from gpt_sovits_emotion.transcribe.options import AUTO
from gpt_sovits_emotion.verify import Verification
from webui_tab.texts import filled

__all__ = [
    "PageError",
    "Pages",
    "Result",
    "Session",
    "Settings",
    "ShownBank",
    "Speaking",
    "Stopped",
]


class PageError(EmotionError):
    """A page asked for something that its state does not allow.

    `key` names the sentence to show; its fields in braces are filled in.
    """

    def __init__(self, key: str, **fields: object) -> None:
        sentence = filled(key, **fields)
        super().__init__(sentence.en, zh=sentence.zh)
        self.key = key


class Stopped(Exception):  # noqa: N818  (a person's wish, no error)
    """A job was stopped by the person, or by the closing of the page."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to analyse.

    Attributes:
        whisper: Whisper model: a size, a folder, ``auto`` or ``none``.
        language: Code of the spoken language; "" to detect it.
        head: Id or folder of the head.
        speaker_statistics: Judge against the recording's own segments as far as they seem to be in several
            moods; never when False.
        smoothing: As in `tag.TagOptions`.
        speaker: One whom the head was fitted to (`heads.profiles`); "" for nobody in particular.
        same_voice: Whether it is the chosen voice that speaks in the recording: what its bank knows of it is
            then the usual that segments are judged against.
    """

    whisper: str = AUTO
    language: str = ""
    head: str = DEFAULT_HEAD
    speaker_statistics: bool = True
    smoothing: float = 0.0
    speaker: str = ""
    same_voice: bool = False


@dataclass(frozen=True, slots=True)
class Speaking:
    """How to say it again, where the host samples.

    Attributes:
        sampling: See `hosts.base.Sampling`.
        seed: Of the first segment; each further one has the next.
        timbre: Names of the voice's clips that set the timbre alone, where the host takes them.
        takes: How many syntheses of each segment are made, of which the best is kept.
        carry: How the emotion is carried (`carry.Carry.way`).
    """

    sampling: Sampling = field(default_factory=Sampling)
    seed: int = 0
    timbre: tuple[str, ...] = ()
    takes: int = 1
    carry: str = "clip"


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """A resynthesis, with what it was made from: what is changed later makes it stale.

    `folder` is where its audio lies: ``joined.wav`` and one file per segment that was spoken.
    """

    transcript: TaggedTranscript
    choices: tuple[ReferenceChoice | None, ...]
    bank: ReferenceBank
    synthesis: Synthesis
    verification: Verification
    host_title: Sentence
    folder: Path


@dataclass(frozen=True, slots=True, eq=False)
class ShownBank:
    """A bank on the page of voices.

    Attributes:
        place: What it is opened by.
        bank: What it holds.
    """

    place: Path
    bank: ReferenceBank


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """What one open page holds.

    Attributes:
        source: The recording's file, None before there is one.
        recording: The decoded recording, open while the page is.
        settings: With which it was analysed.
        tagging: What was heard, with the corrections made since.
        bank: The voice.
        bank_place: What it was opened by; what is known of the voice as a whole lies beside it.
        pins: Segment -> the clip that a person chose.
        choices: Per segment its reference; empty while there is no tagging or no bank.
        result: The latest resynthesis.
        heard_folder: Where the stretches of the recording are put that are listened to.
        shown: The bank on the page of voices, which need not be the voice that speaks.
    """

    source: Path | None = None
    recording: Recording | None = None
    settings: Settings = field(default_factory=Settings)
    tagging: Tagging | None = None
    bank: ReferenceBank | None = None
    bank_place: Path | None = None
    pins: Mapping[int, Path] = field(default_factory=dict)
    choices: tuple[ReferenceChoice | None, ...] = ()
    result: Result | None = None
    heard_folder: Path | None = None
    shown: ShownBank | None = None

    @property
    def own_files(self) -> frozenset[Path]:
        """The files and folders that stand for this session alone."""
        made = self.result.folder if self.result else None
        return frozenset(path for path in (self.source, self.heard_folder, made) if path)

    @property
    def is_stale(self) -> bool:
        """Whether something was changed since `result` was made."""
        if self.result is None or self.tagging is None:
            return False
        made_from = (self.result.transcript, self.result.choices)
        return made_from != (self.tagging.transcript, self.choices)


@dataclass(frozen=True, slots=True)
class _Upload:
    """A file as it was when it was uploaded; the same content uploaded elsewhere replaces it."""

    path: Path
    inode: int
    modified_ns: int

    @classmethod
    def at(cls, path: Path) -> _Upload:
        status = path.stat()
        return cls(path, status.st_ino, status.st_mtime_ns)

    def is_ours_still(self) -> bool:
        """Say whether nobody has deleted it or uploaded it anew since."""
        try:
            return _Upload.at(self.path) == self
        except OSError:
            return False


@dataclass(eq=False)
class _Page:
    folder: Path
    session: Session = field(default_factory=Session)
    uploads: set[_Upload] = field(default_factory=set)
    stop: threading.Event = field(default_factory=threading.Event)
    looking_at: int = 0
    touched_s: float = field(default_factory=time.monotonic)
    at_work: bool = False
    closed: bool = False


class Pages:
    """All open pages of one server.

    Args:
        root: The folder under which each page gets its own; made anew if somebody emptied its place.
        unused_s: Forget a page that nobody has touched for so long, when another is opened. For a server
            that does not hear a page close (gradio 4.24); None where it does.
        shares_uploads: Whether other parts of the server's page take uploads too. The server files them
            under the hash of their content, so the same recording may lie in another field of the same
            page: what was uploaded then goes when the page is closed, not before.
    """

    def __init__(
        self, root: Path, *, unused_s: float | None = None, shares_uploads: bool = False
    ) -> None:
        self._root = root
        self._unused_s = unused_s
        self._shares_uploads = shares_uploads
        self._pages: dict[str, _Page] = {}
        self._closed: set[str] = set()
        self._lock = threading.RLock()

    def session(self, page_id: str) -> Session:
        """Return what a page holds; a page not met before holds nothing yet.

        Raises:
            PageError: The page was closed (or lost its connection), so it is forgotten.
        """
        with self._lock:
            return self._page(page_id).session

    def folder(self, page_id: str) -> Path:
        """Return the private folder of a page. Raises `PageError` as `session` does."""
        with self._lock:
            return self._page(page_id).folder

    def keep(self, page_id: str, session: Session) -> None:
        """Put what a handler returned in the place of what the page held.

        Raises:
            PageError: A job is at work on the page, or the page was closed.
        """
        with self._lock:
            page = self._page(page_id)
            if page.at_work:
                raise PageError("busy")
            self._replace(page, session)

    def look_at(self, page_id: str, index: int) -> None:
        """Note which segment a page looks at."""
        with self._lock:
            self._page(page_id).looking_at = index

    def looking_at(self, page_id: str) -> int:
        """Return which segment a page looks at.

        An answer to an earlier request is built from this, or it would turn the page back.
        """
        with self._lock:
            return self._page(page_id).looking_at

    def own_upload(self, page_id: str, path: Path) -> None:
        """Note that a file was uploaded for this page, and drop those uploaded before."""
        with self._lock:
            page = self._page(page_id)
            upload = _Upload.at(path)
            older = page.uploads - {upload}
            page.uploads = {upload}
            self._replace_uploads(page, older)

    def drop_uploads(self, page_id: str) -> None:
        """Delete what was uploaded for this page."""
        with self._lock:
            page = self._page(page_id)
            older, page.uploads = page.uploads, set()
            self._replace_uploads(page, older)

    @contextmanager
    def job(self, page_id: str, progress: Progress) -> Iterator[_Job]:
        """Work for a page: one job at a time, which ends early when it is stopped.

        Yields:
            The job: its `session` at the start, the `progress` to be handed on, which raises `Stopped`
            when the work shall end, and `done` to be called with the new session.

        Raises:
            PageError: Another job is at work on the page, or the page was closed.
        """
        with self._lock:
            page = self._page(page_id)
            if page.at_work:
                raise PageError("busy")
            page.at_work = True
            page.stop.clear()
        try:
            yield _Job(self, page, progress)
        finally:
            with self._lock:
                page.at_work = False
                if page.closed:
                    self._delete(page)

    def stop(self, page_id: str) -> None:
        """Ask the job at work on a page to end at its next step."""
        with self._lock:
            if page_id in self._pages:
                self._pages[page_id].stop.set()

    def forget(self, page_id: str) -> None:
        """Delete all that a page holds, now or as soon as its job has stopped."""
        with self._lock:
            self._closed.add(page_id)
            page = self._pages.pop(page_id, None)
            if page is None:
                return
            page.closed = True
            page.stop.set()
            if not page.at_work:
                self._delete(page)

    def forget_all(self) -> None:
        """Delete all that any page holds."""
        with self._lock:
            for page_id in list(self._pages):
                self.forget(page_id)

    def __len__(self) -> int:
        return len(self._pages)

    # --- inside; the lock is held ------------------------------------------------------------------

    def _page(self, page_id: str) -> _Page:
        if page_id in self._closed:
            raise PageError("closed")
        if page_id not in self._pages:
            self._forget_unused()
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            # mkdtemp makes the folder for its owner alone (0700).
            folder = Path(tempfile.mkdtemp(dir=self._root, prefix="page-"))
            self._pages[page_id] = _Page(folder)
        page = self._pages[page_id]
        page.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        page.touched_s = time.monotonic()
        return page

    def _forget_unused(self) -> None:
        if self._unused_s is None:
            return
        since_s = time.monotonic() - self._unused_s
        for page_id, page in list(self._pages.items()):
            if page.touched_s < since_s and not page.at_work:
                self.forget(page_id)

    def _replace(self, page: _Page, session: Session) -> None:
        old, page.session = page.session, session
        if old.recording is not None and old.recording is not session.recording:
            old.recording.close()
        for path in old.own_files - session.own_files:
            if path.is_relative_to(page.folder):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def _delete(self, page: _Page) -> None:
        self._replace(page, Session())
        older, page.uploads = page.uploads, set()
        self._delete_uploads(older)
        shutil.rmtree(page.folder, ignore_errors=True)

    def _replace_uploads(self, page: _Page, older: set[_Upload]) -> None:
        if self._shares_uploads:
            page.uploads |= older
        else:
            self._delete_uploads(older)

    def _delete_uploads(self, uploads: set[_Upload]) -> None:
        # The server files an upload under the hash of its content, so two pages may share one.
        in_use = {upload.path for page in self._pages.values() for upload in page.uploads}
        for upload in uploads:
            if upload.path in in_use or not upload.is_ours_still():
                continue
            upload.path.unlink()
            if upload.path.parent != self._root and not any(upload.path.parent.iterdir()):
                upload.path.parent.rmdir()


class _Job:
    """One job at work for a page."""

    def __init__(self, pages: Pages, page: _Page, progress: Progress) -> None:
        self._pages = pages
        self._page = page
        self._progress = progress
        self.session = page.session
        self.folder = page.folder
        self.stopped = page.stop.is_set

    def progress(self, fraction: float, doing: str) -> None:
        """Pass on how far the work is; raise `Stopped` when it shall end."""
        if self._page.stop.is_set():
            raise Stopped
        self._progress(fraction, doing)

    def done(self, session: Session) -> None:
        """Keep what came of the work, unless the page was closed meanwhile."""
        with self._pages._lock:
            self._pages._replace(self._page, session)
