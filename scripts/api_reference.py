"""Write the reference in docs/python.md from the docstrings of what is public.

python scripts/api_reference.py            # writes it anew
python scripts/api_reference.py --check    # exit code 1 where the page is not what the docstrings say
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import gpt_sovits_emotion as gse

PAGE = Path(__file__).resolve().parents[1] / "docs" / "python.md"
BEGIN = "<!-- from here on made by scripts/api_reference.py -->\n"
_SECTION = re.compile(r"^(Args|Returns|Raises|Attributes|Examples):$")
_ITEM = re.compile(r"^ {4}(?P<name>\w[\w, ]*): (?P<told>.*)$")


def main() -> int:
    """Write the page, or hold it against the docstrings; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    written_by_hand = page.partition(BEGIN)[0]
    wanted = written_by_hand + BEGIN + "\n" + "\n".join(reference()) + "\n"
    if options.check:
        return int(page != wanted)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


def reference() -> Iterator[str]:
    """Yield the lines of the reference."""
    yield "## Reference"
    for name in sorted(gse.__all__, key=lambda each: (inspect.isclass(getattr(gse, each)), each)):
        thing = getattr(gse, name)
        if isinstance(thing, str):
            continue
        yield from ("", f"### `{_title(name, thing)}`", "")
        yield from told(thing)
        if not inspect.isclass(thing) or issubclass(thing, Exception):
            continue
        for own, member in vars(thing).items():
            if own.startswith("_") or not (
                inspect.isfunction(member) or isinstance(member, property)
            ):
                continue
            kind = (
                f"{name}.{own}" if isinstance(member, property) else _title(f"{name}.{own}", member)
            )
            yield from ("", f"#### `{kind}`", "")
            yield from told(member)


def _title(name: str, thing: object) -> str:
    if inspect.isclass(thing):
        return name
    assert callable(thing)
    found = inspect.signature(thing)
    own = [one.replace(annotation=inspect.Parameter.empty) for one in found.parameters.values()]
    shown = found.replace(
        parameters=[one for one in own if one.name != "self"],
        return_annotation=inspect.Signature.empty,
    )
    return re.sub(r"<function (\w+) at \w+>", r"\1", f"{name}{shown}")


def told(thing: object) -> Iterator[str]:
    """Yield a docstring as Markdown: sections in bold, what they name as a list, examples as code."""
    section = ""
    for line in (inspect.getdoc(thing) or "").replace("``", "`").splitlines():
        if found := _SECTION.match(line):
            section = found[1]
            if section != "Examples":
                yield from (f"*{section}*", "")
        elif section == "Examples":
            yield line
        elif section and (item := _ITEM.match(line)):
            yield f"- `{item['name']}`: {item['told']}"
        elif section and line.strip():
            yield f"  {line.strip()}"
        else:
            yield line


if __name__ == "__main__":
    sys.exit(main())
