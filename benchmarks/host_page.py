"""What the tab costs GPT-SoVITS's page: seconds at its start, and memory after one tagging.

GPT_SOVITS_ROOT=DIR GPT_SOVITS_PYTHON=PYTHON python benchmarks/host_page.py

DIR is a checkout with weights (`tests/host/README.md` tells how to fill one with random weights of full
size, which cost what real ones cost), PYTHON the interpreter of its environment, with this package in it.
Starts with and without the tab take turns. Memory is the resident size of the page's process: without the
tab when it has started, with it after a recording of 42 s was tagged with the head named.
"""

from __future__ import annotations

import os
import re
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path[:0] = [str(_TESTS), str(_TESTS.parent)]

PORT = 9974
N_STARTS = 3
OURS = "情感 Emotion"
SAMPLE = _TESTS.parent / "gpt_sovits_emotion" / "sample_data" / "sample_en.flac"


def main() -> None:
    """Print start-up and memory, with and without the tab."""
    from backend import checkouts

    root = Path(os.environ["GPT_SOVITS_ROOT"]).resolve()
    if reason := checkouts.why_unusable(root):
        raise SystemExit(reason)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        heads = {"prosody-emodb": None, **_hubert_heads(root, folder / "heads")}
        starts_s: dict[str, list[float]] = {"without": [], "with": []}
        without_mb: list[float] = []
        for _ in range(N_STARTS):
            with _page(root, folder) as page:
                starts_s["without"].append(page.start_s)
                without_mb.append(_resident_mb(page.process_id))
            with _page(root, folder, tab=True) as page:
                starts_s["with"].append(page.start_s)
        medians = {which: statistics.median(values) for which, values in starts_s.items()}
        print(f"start without the tab {medians['without']:6.2f} s  (median of {N_STARTS})")
        print(f"start with the tab    {medians['with']:6.2f} s")
        print(f"the tab adds          {medians['with'] - medians['without']:6.2f} s")
        base_mb = statistics.median(without_mb)
        print(f"resident without the tab, started        {base_mb:7.0f} MB")
        for head in heads:
            with _page(root, folder, tab=True) as page:
                opened_mb = _resident_mb(page.process_id)
                _tag_once(page.url, head)
                tagged_mb = _resident_mb(page.process_id)
            print(
                f"with the tab, started {opened_mb - base_mb:+5.0f} MB, after one tagging "
                f"with {head} {tagged_mb - base_mb:+5.0f} MB",
                flush=True,
            )


@contextmanager
def _page(root: Path, folder: Path, *, tab: bool = False) -> Iterator[Any]:
    from backend import checkouts

    from webui_tab.interpreter import ENVIRONMENT

    environment = {
        "GRADIO_TEMP_DIR": str(folder / "uploads"),
        "GPT_SOVITS_EMOTION_HEADS": str(folder / "heads"),
    }
    if tab:
        usual = checkouts.page_environment(root)["PYTHONPATH"]
        environment["PYTHONPATH"] = os.pathsep.join((str(ENVIRONMENT), usual))
    python = os.environ.get("GPT_SOVITS_PYTHON", sys.executable)
    with checkouts.running_page(
        root, python=python, log=folder / "page.log", port=PORT, environment=environment
    ) as page:
        yield page


def _tag_once(url: str, head: str) -> None:
    from browser import Tab, running_chromium

    with running_chromium() as browser:
        page = browser.new_context(locale="en-US").new_page()
        page.goto(url)
        page.get_by_role("tab", name=OURS).click()
        tab = Tab(page, "en")
        tab.upload(SAMPLE)
        tab.choose("#emo-whisper", "none")
        page.get_by_text(tab.say("more_settings")).click()
        tab.choose("#emo-head", head)
        page.locator("#emo-consent input").check()
        tab.work("analyse")
        tab.shows("#emo-summary", "segments")


def _hubert_heads(root: Path, folder: Path) -> dict[str, Path]:
    """Make heads with random weights that fit the HuBERT of a checkout."""
    from gpt_sovits_emotion.backends.checkout import CheckoutBackend
    from gpt_sovits_emotion.encoders import open_encoder
    from gpt_sovits_emotion.heads import save_head
    from gpt_sovits_emotion.heads.card import EncoderSpec
    from gpt_sovits_emotion.testing import fake_card, fake_tensors

    made = {}
    loaded = next(CheckoutBackend(root).provide("hubert"))
    for layer in (6, 12):
        encoder = open_encoder(f"hubert:{layer}", loaded)
        spec = EncoderSpec(
            encoder.id, encoder.dim, encoder.fingerprint, 16_000, "mean and deviation"
        )
        name = f"random-hubert-{layer}"
        save_head(
            folder / name,
            fake_card(id=name, encoder=spec),
            fake_tensors(dim=encoder.dim, hidden=64),
        )
        made[name] = folder / name
    return made


def _resident_mb(process_id: int) -> float:
    status = Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024


if __name__ == "__main__":
    main()
