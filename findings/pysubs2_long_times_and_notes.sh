#!/usr/bin/env bash
# pysubs2 1.8.1: an ASS time past ten hours is cut to 9:59:59.99, and a WebVTT comment becomes part of the cue before it.
#
# What is expected: hours are written as they are ("10:30:00.00"; libass reads them), or refused. WebVTT's NOTE
# blocks are comments (W3C WebVTT), which parsers pass over and players never show.
#
# What was seen, with pysubs2 1.8.1 on Python 3.11:
#     written to ASS:   Dialogue: 0,9:59:59.99,9:59:59.99,Default,,0,0,0,,late
#                       (with a RuntimeWarning; the line then lasts no time at all)
#     cues of a WebVTT: ['Hello.\\N\\NNOTE checked by Ann', 'Bye.\\N\\NSTYLE\\N::cue {color: red}']
#
# Exit code 0: it still is so. 1: it is not, and what relies on this can be taken out.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'pysubs2==1.8.1'
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import pysubs2

late = pysubs2.SSAEvent(
    start=pysubs2.make_time(h=10, m=30), end=pysubs2.make_time(h=10, m=30, s=4), text="late"
)
subtitles = pysubs2.SSAFile()
subtitles.append(late)
line = subtitles.to_string("ass").splitlines()[-1]
print("written to ASS:  ", line)

web = """WEBVTT

00:01.000 --> 00:02.000
Hello.

NOTE checked by Ann

00:03.000 --> 00:04.000
Bye.

STYLE
::cue {color: red}
"""
cues = [cue.text for cue in pysubs2.SSAFile.from_string(web, "vtt")]
print("cues of a WebVTT:", cues)

as_described = ",9:59:59.99,9:59:59.99," in line and "NOTE checked by Ann" in cues[0]
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
PYTHON
