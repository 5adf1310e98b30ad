#!/usr/bin/env bash
# openSMILE (opensmile 2.6.0): of a clip of 0.06 s, ComParE_2016 gives all of its 6,373 functionals without a warning, and
# two thirds of them are exactly zero: there are too few frames.
#
# Behaviour seen:
#   a steady tone of 1 s: 45 % zeros; of 0.06 s: 66 % zeros
#
# Exits with 1 if it behaves otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check opensmile==2.6.0
"$folder/venv/bin/python" -W ignore - <<'PY'
import sys

import numpy as np
import opensmile

smile = opensmile.Smile(opensmile.FeatureSet.ComParE_2016, opensmile.FeatureLevel.Functionals)
t = np.arange(16_000) / 16_000
tone = sum(np.sin(2 * np.pi * 150 * k * t) / k for k in range(1, 12)).astype(np.float32) / 10


def zeros(duration_s):
    found = smile.process_signal(tone[: round(duration_s * 16_000)], 16_000).to_numpy().ravel()
    assert len(found) == 6373
    return float(np.mean(found == 0))


long, short = zeros(1.0), zeros(0.06)
print(f"1 s: {long:.0%} zeros; 0.06 s: {short:.0%} zeros")
sys.exit(not (long < 0.5 and short > 0.6))
PY
