#!/usr/bin/env bash
# pysubs2 1.8.1: of SAMI in two languages the captions of both are strung together, and when a caption ends is made up
# from the number of its letters; of MicroDVD a row without an end is dropped without a word, and the row that tells the
# frames a second is text where they are named in the call.
#
# What is expected: a SAMI caption belongs to the language of its class, and stays until the next SYNC ("Understanding
# SAMI 1.0", Microsoft: an empty one, &nbsp;, clears it). In MicroDVD {75}{}text lasts until the next line, and
# {1}{1}25 in front is no subtitle (VLC, modules/demux/subtitle.c).
#
# What was seen, with pysubs2 1.8.1 on Python 3.11:
#     SAMI:     [(1000, 2036, '안녕\nHello'), (9000, 9500, '')]
#     MicroDVD: [(40, 40, '25'), (1000, 2000, 'Hello')]
#
# Exit code 0: it still is so. 1: it is not, and what relies on this can be taken out.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'pysubs2==1.8.1'
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import pysubs2

SAMI = """<SAMI><HEAD><STYLE TYPE="text/css"><!--
.KRCC {Name: Korean; lang: ko-KR; SAMIType: CC;}
.ENCC {Name: English; lang: en-US; SAMIType: CC;}
--></STYLE></HEAD><BODY>
<SYNC Start=1000><P Class=KRCC>안녕
<P Class=ENCC>Hello
<SYNC Start=9000><P Class=KRCC>&nbsp;
<P Class=ENCC>&nbsp;
</BODY></SAMI>
"""
captions = [(each.start, each.end, each.plaintext) for each in pysubs2.SSAFile.from_string(SAMI, "sami")]
print("SAMI:    ", captions)

frames = pysubs2.SSAFile.from_string("{1}{1}25\n{25}{50}Hello\n{75}{}Goodbye\n", "microdvd", fps=25.0)
lines = [(each.start, each.end, each.plaintext) for each in frames]
print("MicroDVD:", lines)

as_described = (
    captions[0][:1] == (1000,)
    and captions[0][1] < 9000
    and {"안녕", "Hello"} == set(captions[0][2].split())
    and lines == [(40, 40, "25"), (1000, 2000, "Hello")]
)
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
PYTHON
