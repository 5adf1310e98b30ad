"""The one training of a server: it runs beside the pages, and any of them can look at it and stop it.

GPT-SoVITS may be speaking in the same process. So the training waits at its next step while it does, reads
provided encoders as tagging does (their modules may run in two threads at once), and keeps torch's number of
threads to itself.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpt_sovits_emotion.backends.base import never
from gpt_sovits_emotion.core.errors import BackendError, EmotionError
from gpt_sovits_emotion.core.messages import of_error
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.core.registry import failed_plugin
from gpt_sovits_emotion.heads.folder import user_folder
from webui_tab.sessions import PageError
from webui_tab.texts import TEXTS, filled

if TYPE_CHECKING:
    from gpt_sovits_emotion.backends.base import Backend
    from gpt_sovits_emotion.encoders.base import Encoder
    from gpt_sovits_emotion.training.train import ProgressEvent, TrainedHead
    from gpt_sovits_emotion.whisper_models import WhisperModels

__all__ = ["History", "Look", "Order", "Trainer"]

_MOST_GROUPS = 24
_MOST_RECALLS = 200


@dataclass(frozen=True, slots=True)
class History:
    """What a training said of itself so far.

    Attributes:
        losses: For each group of networks that were fitted side by side, oldest first, their loss after each
            pass: pairs of the number of passes and the loss. The last 24 groups.
        recalls: Unweighted average recall on the speakers held out so far, each time it changed.
    """

    losses: tuple[tuple[tuple[int, float], ...], ...] = ()
    recalls: tuple[float, ...] = ()

    def and_then(self, moment: ProgressEvent) -> History:
        """Return the history with one moment more."""
        history = self
        if moment.held_out_uar is not None and moment.held_out_uar not in self.recalls[-1:]:
            recalls = (*self.recalls, moment.held_out_uar)
            history = replace(history, recalls=_thinned(recalls))
        if moment.loss is not None:
            epoch = moment.epoch or 0
            *earlier, current = self.losses or ((),)
            if current and epoch <= current[-1][0]:
                earlier, current = [*earlier, current], ()
            groups = (*earlier, (*current, (epoch, moment.loss)))
            history = replace(history, losses=groups[-_MOST_GROUPS:])
        return history


def _thinned(recalls: tuple[float, ...]) -> tuple[float, ...]:
    """Drop every other one but the last once they are too many to be told apart."""
    return recalls if len(recalls) <= _MOST_RECALLS else (*recalls[:-1:2], recalls[-1])


_LOG = logging.getLogger(__name__)

_LONGEST_WAIT_S = 20.0
_CLOSING_S = 20.0
_N_THREADS = 2


@dataclass(frozen=True, slots=True)
class Order:
    """What a page asks to be trained.

    Attributes:
        corpora: As a person names them: ``NAME=FOLDER`` or a folder.
        encoder: Id of the encoder.
        head_id: Id of the new head.
        labels: Its emotions; empty for all that the corpora have.
        replace: Whether a head of this id may be replaced.
    """

    corpora: tuple[str, ...]
    encoder: str
    head_id: str
    labels: tuple[str, ...] = ()
    replace: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """The training as it stands at one moment.

    Attributes:
        version: Counts every change; two looks of one version show the same.
        order: What is or was trained last, None before anything was.
        running: Whether it is under way.
        stopping: Whether somebody has asked it to stop.
        waiting: Whether it waits for the host, which speaks.
        moment: Where it stands, None at the beginning.
        history: The figures so far.
        trained: The finished head, None before.
        problem: Why there is none, where it failed.
    """

    version: int = 0
    order: Order | None = None
    running: bool = False
    stopping: bool = False
    waiting: bool = False
    moment: ProgressEvent | None = None
    history: History = field(default_factory=History)
    trained: TrainedHead | None = None
    problem: Sentence | None = None


class _GivenUp(Exception):  # noqa: N818  (the server ends; nobody is to hear of it)
    """Raised through the training when the server ends: what is half done is left."""


class Trainer:
    """The one training of a server.

    Args:
        backend: Who provides encoders; None for the embedded one, which provides prosody alone.
        speaking: Says whether the host speaks at this moment; training then waits, 20 s at most.
        heads_dir: Folder of heads that new ones are put into; the user's own when None.
        run: Does the work in place of `training.train.train`, for tests.
        whisper: Where encoders on Whisper find it; what is on this machine when None.
    """

    def __init__(
        self,
        *,
        backend: Backend | None = None,
        speaking: Callable[[], bool] = never,
        heads_dir: Path | None = None,
        run: Callable[..., TrainedHead] | None = None,
        whisper: WhisperModels | None = None,
    ) -> None:
        self._host = backend
        self._whisper = whisper
        self._speaking = speaking
        self._heads_dir = heads_dir
        self._run = run
        self._look = Look()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def look(self) -> Look:
        """The training as it stands now."""
        return self._look

    @property
    def heads_dir(self) -> Path:
        """The folder of heads that new ones are put into."""
        return self._heads_dir or user_folder()

    def start(self, order: Order) -> None:
        """Begin to train.

        Raises:
            PageError: Another training is under way, or the server ends.
        """
        with self._lock:
            running = self._look.order if self._look.running else None
            if running is not None:
                raise PageError("train_busy", head=running.head_id)
            if self._ended.is_set():
                raise PageError("train_ended")
            self._stop.clear()
            self._look = Look(self._look.version + 1, order, running=True)
            # Not joined at the interpreter's end, which `close` precedes.
            self._thread = threading.Thread(
                target=self._work, args=(order,), name="emotion-training", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Ask the training to end soon, with the best that it has."""
        if self._look.running:
            self._stop.set()
            self._note(stopping=True)

    def forget_result(self) -> None:
        """Show the last training's result no longer; nothing where one is under way."""
        with self._lock:
            if not self._look.running:
                self._look = Look(self._look.version + 1)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end of the training; say whether it has come."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        return thread is None or not thread.is_alive()

    def close(self) -> None:
        """Give the training up, because the server ends."""
        self._ended.set()
        self._stop.set()
        if not self.wait(_CLOSING_S):
            _LOG.warning("the training did not end within %.0f s", _CLOSING_S)

    # --- in the training's own thread --------------------------------------------------------------

    def _work(self, order: Order) -> None:
        done: dict[str, Any] = {}
        try:
            _keep_few_threads(_N_THREADS)
            done["trained"] = self._train(order)
        except _GivenUp:
            done["problem"] = TEXTS["train_ended"]
        except EmotionError as error:
            done["problem"] = of_error(error)
        except Exception as error:
            _LOG.exception("a training failed")
            failed = failed_plugin(error)
            done["problem"] = (
                filled("unexpected", kind=type(error).__name__)
                if failed is None
                else of_error(failed)
            )
        self._note(running=False, stopping=False, waiting=False, **done)

    def _train(self, order: Order) -> TrainedHead:
        from gpt_sovits_emotion.encoders.feature_cache import FeatureCache
        from gpt_sovits_emotion.training.corpora import open_corpora
        from gpt_sovits_emotion.training.recipes import TrainingPlan
        from gpt_sovits_emotion.training.train import train

        corpora = open_corpora(order.corpora, progress=lambda share, doing: self._give_way())
        mark = self._mark(order.encoder)
        encoder = self._encoder(order.encoder)

        def watch(moment: ProgressEvent) -> None:
            self._give_way()
            if moment.stage == "features" and self._mark(order.encoder) != mark:
                switched = TEXTS["train_voice_switched"]
                raise BackendError(switched.en, zh=switched.zh)
            self._note(moment=moment, history=self._look.history.and_then(moment))

        plan = TrainingPlan(
            order.head_id,
            labels=order.labels,
            heads_dir=self.heads_dir,
            replace=order.replace,
            command=_command(order),
        )
        with FeatureCache() as cache:
            return (self._run or train)(
                corpora,
                plan,
                encoder=encoder,
                watch=watch,
                cancelled=self._is_stopped,
                cache=cache,
            )

    def _is_stopped(self) -> bool:
        """Say whether to end with the best so far; leave at once when the server ends."""
        if self._ended.is_set():
            raise _GivenUp
        return self._stop.is_set()

    def _encoder(self, encoder_id: str) -> Encoder:
        from gpt_sovits_emotion.binding import provide_encoder
        from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
        from gpt_sovits_emotion.engines import embedded_backend

        tracker = ProsodyEncoder()
        provider = self._host or embedded_backend(tracker)
        return provide_encoder(encoder_id, provider, tracker, self._whisper)

    def _mark(self, encoder_id: str) -> object:
        """Return what tells the loaded voice from others, where the encoder is a part of it."""
        if self._host is None or "sovits" not in encoder_id:
            return None
        return self._host.voice_mark

    def _give_way(self) -> None:
        """Wait while the host speaks, and leave when the server ends."""
        ends = time.monotonic() + _LONGEST_WAIT_S
        while self._speaking() and time.monotonic() < ends and not self._stop.is_set():
            if not self._look.waiting:
                self._note(waiting=True)
            self._stop.wait(0.1)
        if self._look.waiting:
            self._note(waiting=False)
        if self._ended.is_set():
            raise _GivenUp

    def _note(self, **changes: Any) -> None:
        with self._lock:
            self._look = replace(self._look, version=self._look.version + 1, **changes)


def _keep_few_threads(n_threads: int) -> None:
    """Have torch use few threads in this thread, and as many as before in every other.

    Its number of threads belongs to each thread, and is taken from a common one when a thread first works.
    Setting it sets both, so another thread puts the common one back.
    """
    import torch

    common = torch.get_num_threads()  # also marks this thread as one that has its own
    torch.set_num_threads(min(n_threads, common))
    restoring = threading.Thread(target=torch.set_num_threads, args=(common,))
    restoring.start()
    restoring.join()


def _command(order: Order) -> str:
    """Return the command that trains the same head, without the folders of this machine."""
    named = [corpus.partition("=") for corpus in order.corpora]
    corpora = " ".join(
        f"--corpus {name if folder else Path(name).name}=DIR" for name, _, folder in named
    )
    labels = f" --labels {','.join(order.labels)}" if order.labels else ""
    return (
        f"gpt-sovits-emotion train {corpora} --encoder {order.encoder} --id {order.head_id}{labels}"
    )
