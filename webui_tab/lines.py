"""The lines that `install` writes, in a ``.pth`` file or into a script, and how they are taken out again.

Pure functions from content to content, in bytes, so that everything else stays as it is to the last byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = [
    "FORM",
    "PTH_NAME",
    "EditedError",
    "Found",
    "NoPlaceError",
    "add_block",
    "add_line",
    "find_block",
    "find_line",
    "remove_block",
    "remove_line",
]

FORM = 1
"""The form of what is written here; it counts up when that changes."""

PTH_NAME = "gpt_sovits_emotion_tab.pth"

_HEADER = (
    b"# The tab of gpt-sovits-emotion in GPT-SoVITS; "
    b"take it out with: gpt-sovits-emotion uninstall --checkout DIR\n"
)

# In processes that serve no inference page, all that happens is this one look at the command.
_CODE = """\
if 'inference_webui' in ' '.join(getattr(sys, 'orig_argv', ())):
 try:
  from webui_tab.hook import arm
 except ImportError: pass
 else: arm({root})
"""

_LINE = re.compile(
    rb"""^import sys; exec\(.*\)  # gpt-sovits-emotion, form (\d+), for ('.*'|".*")\r?$\n?""",
    re.MULTILINE,
)

_ANCHOR = re.compile(rb"^(?:if __name__ == ['\"]__main__['\"]:|app\.queue\()", re.MULTILINE)
_BEGIN = b"# >>> gpt-sovits-emotion, form %d: take out with gpt-sovits-emotion uninstall >>>"
_BODY = (
    b"try:",
    b"    from webui_tab.hook import arm as _put_in_emotion_tab",
    b"",
    b"    _put_in_emotion_tab()",
    b"except ImportError:",
    b"    pass  # it was uninstalled",
    b"except Exception as error:",
    b'    print("gpt-sovits-emotion:", error)',
)
_END = b"# <<< gpt-sovits-emotion <<<"
_BEGUN = re.compile(rb"^# >>> gpt-sovits-emotion, form (\d+):", re.MULTILINE)
_BLOCK = re.compile(_BEGUN.pattern + rb".*?^" + _END + rb"\r?\n?", re.MULTILINE | re.DOTALL)


class EditedError(Exception):
    """What stands there is not what was written: somebody changed it, or another version wrote it."""


class NoPlaceError(Exception):
    """A script has no statement that launches its page, or several."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of ours.

    Attributes:
        form: The form in which it was written.
        text: All of it.
        is_ours: Whether it is what this version writes, to the byte.
    """

    form: int
    text: bytes
    is_ours: bool


# --- the .pth file -----------------------------------------------------------------------------------


def _line(root: str) -> bytes:
    # The file is read in the locale's encoding, so everything in it is ASCII: `ascii` escapes the rest.
    code = ascii(_CODE.format(root=ascii(root)))
    return f"import sys; exec({code})  # gpt-sovits-emotion, form {FORM}, for {root!a}\n".encode(
        "ascii"
    )


def find_line(content: bytes, root: str) -> Found | None:
    """Find the line of one checkout in the content of a ``.pth`` file."""
    for match in _LINE.finditer(content):
        if match[2].decode("ascii", "replace") == ascii(root):
            return Found(int(match[1]), match[0], match[0].rstrip(b"\r\n") == _line(root).rstrip())
    return None


def add_line(content: bytes, root: str) -> bytes:
    """Add the line of one checkout to the content of a ``.pth`` file, once."""
    found = find_line(content, root)
    if found is not None:
        return content if found.is_ours else content.replace(found.text, _line(root))
    # Before what is there, not behind it: its last line may lack an end, and shall lack it afterwards.
    content = content or _HEADER
    at = len(_HEADER) if content.startswith(_HEADER) else 0
    return content[:at] + _line(root) + content[at:]


def remove_line(content: bytes, root: str) -> bytes:
    """Remove the line of one checkout; nothing is left when it was the last one.

    Raises:
        EditedError: The line is there and not as it was written.
    """
    found = find_line(content, root)
    if found is None:
        return content
    if not found.is_ours:
        raise EditedError
    content = content.replace(found.text, b"", 1)
    return b"" if content == _HEADER else content


# --- the block in a script ---------------------------------------------------------------------------


def _block(newline: bytes) -> bytes:
    return b"".join(line + newline for line in (_BEGIN % FORM, *_BODY, _END))


def find_block(source: bytes) -> Found | None:
    """Find our block in the source of a script."""
    match = _BLOCK.search(source)
    if match is None:
        begun = _BEGUN.search(source)
        return Found(int(begun[1]), begun[0], False) if begun else None
    newline = b"\r\n" if match[0].endswith(b"\r\n") else b"\n"
    return Found(int(match[1]), match[0], match[0] == _block(newline))


def add_block(source: bytes) -> bytes:
    """Add our block above the statement that launches the page, once.

    Raises:
        EditedError: A block is there and not as it was written.
        NoPlaceError: The source has no such statement, or several.
    """
    found = find_block(source)
    if found is not None:
        if not found.is_ours:
            raise EditedError
        return source
    anchors = list(_ANCHOR.finditer(source))
    if len(anchors) != 1:
        raise NoPlaceError
    at = anchors[0].start()
    newline = b"\r\n" if b"\r\n" in source else b"\n"
    return source[:at] + _block(newline) + source[at:]


def remove_block(source: bytes) -> bytes:
    """Remove our block.

    Raises:
        EditedError: The block is there and not as it was written.
    """
    found = find_block(source)
    if found is None:
        return source
    if not found.is_ours:
        raise EditedError
    return source.replace(found.text, b"", 1)
