"""Serve the tab with a training that does what a file tells it, for the browser test of the training page.

``python training_server.py PORT FOLDER``: the training goes on while ``FOLDER/hold`` exists, and ends when it
is deleted or the page asks to stop. With ``FOLDER/real`` it is the real one.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main() -> None:
    """Serve until the process is ended."""
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    if not (folder / "real").exists():
        import gpt_sovits_emotion.training.train as training

        training.train = held_by(folder / "hold")
    from webui_tab.launch import launch

    launch(port=port, open_browser=False)


def held_by(hold: Path) -> Callable[..., Any]:
    """Return a training that lasts as long as a file is there."""
    from gpt_sovits_emotion.core.records import Sentence
    from gpt_sovits_emotion.testing import fake_card, make_fake_head
    from gpt_sovits_emotion.training.train import ProgressEvent, TrainedHead

    def train(
        corpora: Any,
        plan: Any,
        *,
        watch: Callable[[ProgressEvent], None],
        cancelled: Callable[[], bool],
        **_: Any,
    ) -> TrainedHead:
        for epoch in range(1, 13):
            doing = Sentence(f"pass {epoch} of 12", f"第 {epoch}/12 遍")
            watch(
                ProgressEvent(
                    "fitting", epoch / 20, doing, 1.5 / epoch, 0.5 + epoch / 50, epoch, 90 - epoch
                )
            )
        pause = threading.Event()
        while hold.exists() and not cancelled():
            watch(ProgressEvent("fitting", 0.6, doing, seconds_left=78.0))
            pause.wait(0.05)
        stopped = (Sentence("it was stopped early", "提前停止"),) if cancelled() else ()
        folder = make_fake_head(plan.heads_dir / plan.head_id)
        return TrainedHead(folder, fake_card(id=plan.head_id), stopped)

    return train


if __name__ == "__main__":
    main()
