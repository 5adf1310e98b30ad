"""Bring the catalogue of messages up to date with the code, and compile it.

    python scripts/catalogue.py            # after messages were added or changed; then translate the new
    python scripts/catalogue.py --check    # says what is stale, untranslated, or has places of its own

Uses Babel, which the extra ``[test]`` brings. Who uses the package needs the compiled file alone.
"""

from __future__ import annotations

import io
import sys
from datetime import datetime, timezone
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

from gpt_sovits_emotion.core.messages import DOMAIN, LOCALE

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("gpt_sovits_emotion", "webui_tab")
PO = LOCALE / "zh" / "LC_MESSAGES" / f"{DOMAIN}.po"
MO = PO.with_suffix(".mo")
_NO_DATE = datetime(1970, 1, 1, tzinfo=timezone.utc)


def said_in_code() -> dict[str, set[str]]:
    """Return every message that the code says -> the files that say it."""
    found: dict[str, set[str]] = {}
    for package in PACKAGES:
        for name, _, message, _, _ in extract_from_dir(
            ROOT / package,
            method_map=[("**.py", "python")],
            keywords={"tr": None},
            strip_comment_tags=True,
        ):
            text = message if isinstance(message, str) else message[0]
            found.setdefault(text, set()).add(f"{package}/{name}")
    return found


def brought_up_to_date(before: Catalog) -> Catalog:
    """Return the catalogue of what the code says now, with the translations that there are."""
    now = Catalog(  # the same messages give the same file
        locale="zh", domain=DOMAIN, creation_date=_NO_DATE, revision_date=_NO_DATE, fuzzy=False
    )
    for text, files in sorted(said_in_code().items()):
        known = before.get(text)
        now.add(
            text, known.string if known else "", locations=[(name, 0) for name in sorted(files)]
        )
    return now


def text_of(catalogue: Catalog) -> bytes:
    """Return a catalogue as its file holds it."""
    stream = io.BytesIO()
    write_po(stream, catalogue, width=110, omit_header=True, include_lineno=False)
    return stream.getvalue()


def compiled(catalogue: Catalog) -> bytes:
    """Return a catalogue as gettext reads it."""
    stream = io.BytesIO()
    write_mo(stream, catalogue)
    return stream.getvalue()


def in_use() -> dict[str, str]:
    """Return the messages of the compiled catalogue."""
    with MO.open("rb") as stream:
        return texts_in(read_mo(stream))


def texts_in(catalogue: Catalog) -> dict[str, str]:
    """Return the messages of a catalogue -> their translation; there are no plural forms."""
    return {str(message.id): str(message.string) for message in catalogue if message.id}


def places_of(text: str) -> set[str]:
    """Return the names of a message's places."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def faults_of(catalogue: Catalog) -> list[str]:
    """Say which messages have no translation, or one with places that the English does not have."""
    faults = []
    for english, chinese in texts_in(catalogue).items():
        if not chinese:
            faults.append(f"not translated: {english!r}")
        elif not places_of(chinese) <= places_of(english):
            faults.append(f"places that the English does not have: {chinese!r}")
    return faults


def main() -> int:
    """Write both files, or with ``--check`` say what is wrong with them. Returns 1 where something is."""
    with PO.open("rb") as stream:
        before = read_po(stream, locale="zh", domain=DOMAIN)
    now = brought_up_to_date(before)
    faults = faults_of(now)
    if "--check" in sys.argv[1:]:
        if PO.read_bytes() != text_of(now) or in_use() != texts_in(now):
            faults.append("the catalogue is not that of the code: run  python scripts/catalogue.py")
    else:
        PO.write_bytes(text_of(now))
        MO.write_bytes(compiled(now))
    print(*faults, sep="\n", end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
