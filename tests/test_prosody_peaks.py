"""Peaks of a curve are those that scipy finds."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt_sovits_emotion.encoders.prosody.formants import find_peaks

LEVELS = st.lists(st.integers(-6, 6).map(lambda n: n / 2), max_size=60)


def test_peaks_stand_out_and_apart() -> None:
    curve = np.array([0, 3, 1, 2, 0, 5, 5, 5, 4, 4.5, 0, 4])
    assert find_peaks(curve, prominence=0.1, distance=1).tolist() == [1, 3, 6, 9]
    assert find_peaks(curve, prominence=1, distance=1).tolist() == [1, 3, 6]
    assert find_peaks(curve, prominence=0.1, distance=4).tolist() == [1, 6]
    assert find_peaks(curve, prominence=3, distance=1).tolist() == [1, 6]


@pytest.mark.parametrize("curve", [[], [1], [1, 2], [2, 2, 2], [1, 2, 3], [3, 2, 1]])
def test_there_may_be_none(curve) -> None:
    found = find_peaks(np.array(curve, float), prominence=0.0, distance=1)
    assert found.tolist() == []
    assert found.dtype == np.intp


@settings(max_examples=150, deadline=None)
@given(LEVELS, st.integers(1, 6), st.sampled_from([0.0, 0.5, 1.5]))
def test_they_are_those_that_scipy_finds(levels, distance, prominence) -> None:
    from scipy import signal

    curve = np.array(levels, float)
    wanted, _ = signal.find_peaks(curve, prominence=prominence, distance=distance)
    found = find_peaks(curve, prominence=prominence, distance=distance)
    assert found.tolist() == wanted.tolist()


def test_listening_imports_no_statistics() -> None:
    code = (
        "import sys; import numpy as np; from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder; "
        "from gpt_sovits_emotion.core.records import Audio; "
        "noise = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32); "
        "ProsodyEncoder().tracks(Audio(noise, 16000)); "
        "assert not {'scipy.signal', 'scipy.stats', 'librosa', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
