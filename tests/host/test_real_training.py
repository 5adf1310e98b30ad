"""From nothing to a finished head on HuBERT of a real checkout: one command, killed once on the way.

With random weights of full size the encoder hears what random projections hear: on EmoDB a randomly
initialised HuBERT-base gives heads of about 53 (global) and 61 (speaker) per cent unweighted average recall
at its best layer.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gpt_sovits_emotion.heads import load_head
from gpt_sovits_emotion.testing import check_head
from webui_tab.app_context import sample_data

pytestmark = [pytest.mark.checkout, pytest.mark.corpus, pytest.mark.slow]

CHANCE = 1 / 7


def _command(*words: object) -> list[str]:
    return [sys.executable, "-m", "gpt_sovits_emotion", *map(str, words)]


def test_a_head_on_hubert_from_nothing(checkout: Path, corpora_dir: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "GPT_SOVITS_EMOTION_CACHE": str(tmp_path / "cache"),
    }
    train = _command("train", "--recipe", "emodb", "--corpus", f"emodb={corpora_dir / 'emodb'}")
    train += ["--encoder", "hubert:6", "--checkout", str(checkout), "--device", "cpu", "--json"]

    # killed once on the way, as by a power cut: what was listened to until then is kept
    first = subprocess.Popen(train, env=environment, stderr=subprocess.DEVNULL)
    time.sleep(45)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert any((tmp_path / "cache").rglob("*.sqlite"))

    began_s = time.monotonic()
    done = subprocess.run(train, env=environment, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stderr[-2000:]
    took_s = time.monotonic() - began_s

    folder = tmp_path / "data" / "gpt-sovits-emotion" / "heads" / "hubert-6-emodb"
    assert check_head(folder) == ()
    card = load_head(folder).card
    assert json.loads(done.stdout)["encoder"]["fingerprint"] == card.encoder.fingerprint
    uar = {result.normalisation: result.uar for result in card.results}
    print(f"\nhubert:6, random weights: UAR {uar}, {took_s:.0f} s after the kill")
    assert uar["speaker"] > 3 * CHANCE
    assert uar["global"] > 2.5 * CHANCE

    heard = subprocess.run(
        _command(
            *("annotate", sample_data() / "sample_zh.flac", "--whisper", "none", "--json"),
            *("--head", "hubert-6-emodb", "--checkout", checkout, "--device", "cpu"),
        ),
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert heard.returncode == 0, heard.stderr[-2000:]
    assert json.loads(heard.stdout)["head"] == "hubert-6-emodb"
