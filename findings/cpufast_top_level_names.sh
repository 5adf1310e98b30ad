#!/usr/bin/env bash
# gpt-sovits-cpufast 0.1.0 installs modules of everyday names at the top of site-packages, where they stand in the way of
# others' modules of that name (and of those of a GPT-SoVITS checkout, which has `tools`, `config` and `api` too).
#
# Behaviour seen:
#   api, config, jamo, tools, webui at the top level of the wheel
#
# Exits with 1 if it behaves otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps -d "$folder" gpt-sovits-cpufast==0.1.0
"$folder/venv/bin/python" - "$folder" <<'PY'
import sys
import zipfile
from pathlib import Path

(wheel,) = Path(sys.argv[1]).glob("*.whl")
names = {name.split("/")[0].removesuffix(".py") for name in zipfile.ZipFile(wheel).namelist()}
names = sorted(name for name in names if not name.endswith((".dist-info", ".data")))
print(*names)
sys.exit(not {"api", "config", "jamo", "tools", "webui"} <= set(names))
PY
