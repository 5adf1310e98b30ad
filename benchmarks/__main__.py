"""Every figure on speed and memory that needs no GPT-SoVITS, in one run, on one core.

python benchmarks                 all of it (about 15 minutes, most of them the 3-hour recording)
python benchmarks --hours 0.2     with a shorter long recording
"""

from __future__ import annotations

import argparse
import os

# Before numpy is imported: one core, one thread, for figures that compare.
for _variable in (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
):
    os.environ[_variable] = "1"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(prog="python benchmarks", description=__doc__)
    parser.add_argument("--clips", help="folder of audio files for the prosody encoder")
    parser.add_argument("--hours", type=float, default=3.0, help="length of the long recording")
    options = parser.parse_args()

    import hubert_speed
    import prosody_speed
    import whisper_speed
    import whole

    clips = ["--clips", options.clips] if options.clips else []
    prosody_speed.main(clips)
    print()
    whisper_speed.main(clips)
    for title, rows in (
        ("start-up, best of 5, wall clock", whole.start_up()),
        ("annotate, best of 5, seconds per second of audio", whole.annotate_beyond_whisper()),
        ("a long recording, whole process", whole.memory_of_hours(options.hours)),
    ):
        print(f"\n{title}")
        for name, figure in rows:
            print(f"  {name:44} {figure}", flush=True)
    print("\na head on HuBERT, beside the bare forward pass (in processes of its own)", flush=True)
    hubert_speed.main([])


if __name__ == "__main__":
    main()
