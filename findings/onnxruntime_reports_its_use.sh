#!/usr/bin/env bash
# onnxruntime 1.32.0 on Linux: importing it writes a file .ses into the folder for temporary files and an identifier and
# a database into the user's cache, and its use is reported to its makers (its Privacy.md says so). The variable
# ORT_DISABLE_TELEMETRY=1, set before the import, keeps it from all of that; disable_telemetry_events() comes too late
# for the files. 1.23.2 does none of it. (Needs Python 3.11 or newer.)
#
# Behaviour seen:
#   as it is: .ses yes, cache yes; with ORT_DISABLE_TELEMETRY=1: .ses no, cache no
#
# Exits with 1 if it behaves otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnxruntime==1.32.0
import_it() {
    mkdir "$folder/$1" "$folder/$1/tmp"
    env HOME="$folder/$1" XDG_CACHE_HOME="$folder/$1/cache" TMPDIR="$folder/$1/tmp" "${@:2}" \
        "$folder/venv/bin/python" -c "import onnxruntime"
    ses=no cache=no
    [ ! -e "$folder/$1/tmp/.ses" ] || ses=yes
    [ ! -e "$folder/$1/cache" ] || cache=yes
    echo "$1: .ses $ses, cache $cache"
}
import_it as-it-is ORT_DISABLE_TELEMETRY=
[ "$ses $cache" = "yes yes" ]
import_it told ORT_DISABLE_TELEMETRY=1
[ "$ses $cache" = "no no" ]
