"""Nothing is told to anybody: what the libraries would send by themselves is switched off."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from conftest import REPOSITORY

_HEAR = """
import os
import numpy as np
from gpt_sovits_emotion.transcription.{module} import {name}
{call}
print(os.environ["ORT_DISABLE_TELEMETRY"])
"""
SILENCE = "speech_in(np.zeros(16_000, np.float32), 16_000, min_pause_s=0.1, pad_s=0.0)"


@pytest.mark.parametrize(
    ("module", "name", "call"),
    [
        ("models", "known_models", "assert 'base' in known_models()"),
        ("hub", "repository_of", "assert repository_of('base').endswith('base')"),
        ("speech", "speech_in", f"assert {SILENCE} == []"),
    ],
)
@pytest.mark.parametrize(("set_before", "found"), [(None, "1"), ("0", "0")])
def test_onnx_runtime_is_told_before_it_is_imported(
    tmp_path, module, name, call, set_before, found
):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TMPDIR": str(tmp_path)}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    if set_before is not None:
        environment["ORT_DISABLE_TELEMETRY"] = set_before
    done = subprocess.run(
        [sys.executable, "-c", _HEAR.format(module=module, name=name, call=call)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [found]
