"""What docs/relied-on.md names exists: each test, each script; and each script is named there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
TABLE = (ROOT / "docs" / "relied-on.md").read_text(encoding="utf-8")


def test_every_test_that_is_named_exists():
    named = re.findall(r"`(?:tests/)?((?:host/)?test_\w+\.py)(?:::(\w+))?`", TABLE)
    assert len(named) > 20
    for file, test in named:
        content = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert f"def {test}" in content, f"{file} has no {test}"


def test_every_script_is_named_and_exists():
    named = set(re.findall(r"findings/(\w+\.sh)", TABLE))
    assert named == {path.name for path in (ROOT / "findings").iterdir()}


def test_every_row_says_how_it_was_seen():
    rows = re.findall(r"^\| (?!what it does)(.+) \| (.+) \| (.+) \|$", TABLE, re.MULTILINE)
    assert len(rows) > 25
    for what, seen, ours in rows:
        assert re.search(r"\w\.(?:sh|py|md)\b|by the format|the same", seen + ours), what
