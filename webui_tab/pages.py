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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gpt_sovits_emotion.core.progress import Progress
from webui_tab.request_guard.receiving import Presence
from webui_tab.sessions import PageError, Session, Stopped
from webui_tab.storage import Uploads

__all__ = ["Job", "Pages"]

_SWEEPS = 8  # within the time after which a page is forgotten


@dataclass(eq=False)
class _Page:
    page_id: str
    folder: Path
    touched_s: float
    session: Session = field(default_factory=Session)
    stop: threading.Event = field(default_factory=threading.Event)
    looking_at: int = 0
    at_work: bool = False
    closed: bool = False


class Pages:
    """All open pages of one server.

    Args:
        root: The folder under which each page gets its own; made anew if somebody emptied its place.
        unused_s: Forget a page that nobody has touched for so long, that has nothing at work, and that holds
            no connection open: a program that went without a word, or any page of a server that does not
            hear one close (gradio 4.24).
        shares_uploads: Whether other parts of the server's page take uploads too. The server files them
            under the hash of their content, so the same recording may lie in another field of the same
            page: what was uploaded then goes when the page is closed, not before.

        clock: Says what time it is, in seconds.

    Attributes:
        uploads: Whose the uploaded files are.
        presence: Who holds a connection open.
    """

    def __init__(
        self,
        root: Path,
        *,
        unused_s: float = 2 * 3600.0,
        shares_uploads: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root = root
        self._unused_s = unused_s
        self._clock = clock
        self._sweeping: threading.Timer | None = None
        self.presence = Presence()
        self._shares_uploads = shares_uploads
        self.uploads = Uploads(shared=shares_uploads)
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
        """Let a page have a file that was uploaded for it, and drop those uploaded before.

        Raises:
            PageError: No such upload waits to be claimed: it is another page's, or none.
        """
        with self._lock:
            self._page(page_id)
            if not self.uploads.claim(page_id, path):
                raise PageError("not_of_this_page")
            if not self._shares_uploads:
                self.uploads.release(page_id, but=path)

    def copied_upload(self, page_id: str, path: Path) -> Path:
        """Copy a file that was uploaded for a page into a folder of its own in the page's, and let go of it.

        Raises:
            PageError: No such upload waits to be claimed: it is another page's, or none.
        """
        with self._lock:
            page = self._page(page_id)
            owned = self.uploads.owned_by(page_id, path)
            if not self.uploads.claim(page_id, path):
                raise PageError("not_of_this_page")
            copy = Path(tempfile.mkdtemp(dir=page.folder, prefix="words-")) / path.name
        try:
            shutil.copyfile(path, copy)  # other pages go on meanwhile
        except OSError as error:
            if page.closed:  # and its folder gone
                raise PageError("closed") from error
            raise
        finally:
            with self._lock:
                if page.closed:
                    self._delete(page)
                elif not owned and not self._shares_uploads:
                    self.uploads.let_go(page_id, path)
        return copy

    def drop_uploads(self, page_id: str) -> None:
        """Delete what was uploaded for this page."""
        with self._lock:
            self._page(page_id)
            if not self._shares_uploads:
                self.uploads.release(page_id)

    @contextmanager
    def job(self, page_id: str, progress: Progress) -> Iterator[Job]:
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
            yield Job(self, page, progress)
        finally:
            with self._lock:
                page.at_work = False
                page.touched_s = self._clock()
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

    def forget_unused(self) -> None:
        """Delete what pages hold that nobody uses any more; see `unused_s`."""
        with self._lock:
            since_s = self._clock() - self._unused_s
            for page_id, page in list(self._pages.items()):
                if page.touched_s < since_s and not page.at_work and page_id not in self.presence:
                    self.forget(page_id)

    def forget_all(self) -> None:
        """Delete all that any page holds."""
        with self._lock:
            if self._sweeping is not None:
                self._sweeping.cancel()
            for page_id in list(self._pages):
                self.forget(page_id)

    def __len__(self) -> int:
        return len(self._pages)

    # --- inside; the lock is held ------------------------------------------------------------------

    def _page(self, page_id: str) -> _Page:
        if page_id in self._closed:
            raise PageError("closed")
        if page_id not in self._pages:
            self.forget_unused()
            self._sweep_later()
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            # mkdtemp makes the folder for its owner alone (0700).
            folder = Path(tempfile.mkdtemp(dir=self._root, prefix="page-"))
            self._pages[page_id] = _Page(page_id, folder, self._clock())
        page = self._pages[page_id]
        page.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        page.touched_s = self._clock()
        return page

    def _sweep_later(self) -> None:
        """See to it that what nobody uses goes, also where nobody comes any more."""
        if self._sweeping is not None and self._sweeping.is_alive():
            return
        self._sweeping = threading.Timer(self._unused_s / _SWEEPS, self._sweep)
        self._sweeping.daemon = True
        self._sweeping.start()

    def _sweep(self) -> None:
        with self._lock:
            self.forget_unused()
            self._sweeping = None
            if self._pages:
                self._sweep_later()

    def _replace(self, page: _Page, session: Session) -> None:
        old, page.session = page.session, session
        if old.recording is not None and old.recording is not session.recording:
            old.recording.close()
        for path in old.own_files - session.own_files:
            if path.is_relative_to(page.folder):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def _delete(self, page: _Page) -> None:
        self._replace(page, Session())
        self.uploads.release(page.page_id)
        shutil.rmtree(page.folder, ignore_errors=True)
        if not self._pages:
            self.uploads.forget_unclaimed()  # nobody is there to claim it


class Job:
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
