"""Plug-ins as an installer leaves them: a folder on ``sys.path`` with a module and its entry points."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

__all__ = ["FAKES", "distribution"]

FAKES = {
    "encoders": "FakeEncoders",
    "backends": "FakeBackend",
    "transcribers": "FakeTranscriber",
    "bank_layouts": "FakeBankLayout",
    "corpora": "FakeCorpus",
    "formats": "FakeFormat",
}
"""Group -> the fake of `gpt_sovits_emotion.testing` that is one of its kind."""


def distribution(
    folder: Path,
    name: str,
    entries: Mapping[str, Mapping[str, str]],
    *,
    version: str = "1.0",
    **modules: str,
) -> None:
    """Write a distribution into a folder.

    Args:
        folder: That is on ``sys.path``, or will be.
        name: Of the distribution.
        entries: Group, as it is called in `core.registry` -> name -> ``module:object``.
        version: Of the distribution.
        modules: Name -> source.
    """
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = []
    for group, named in entries.items():
        lines.append(f"[gpt_sovits_emotion.{group}]")
        lines += [f"{key} = {value}" for key, value in named.items()]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    for module, source in modules.items():
        (folder / f"{module}.py").write_text(source)
