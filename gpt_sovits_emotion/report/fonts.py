"""Which words the installed fonts can draw."""

from __future__ import annotations

import functools
import unicodedata

__all__ = ["can_draw", "drawable", "font_families"]

_BASE = "DejaVu Sans"  # comes with matplotlib
# What Linux, Windows and macOS bring for Chinese; all of them also have Latin and kana.
_CJK = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "Microsoft YaHei",
    "PingFang SC", "Hiragino Sans GB", "Heiti SC", "STHeiti", "SimHei", "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei", "Noto Sans CJK JP", "Noto Sans CJK TC", "Noto Serif CJK SC", "Noto Serif CJK JP",
    "Droid Sans Fallback", "Arial Unicode MS",
)  # fmt: skip


@functools.cache
def font_families() -> tuple[str, ...]:
    """Return the families to draw with: matplotlib's own and, where one is installed, a Chinese one."""
    from matplotlib import font_manager

    installed = {entry.name for entry in font_manager.fontManager.ttflist}
    chinese = next((name for name in _CJK if name in installed), None)
    return (_BASE,) if chinese is None else (_BASE, chinese)


def can_draw(text: str) -> bool:
    """Say whether every sign of a text has a glyph."""
    return all(ord(char) in _charmap() for char in text)


def drawable(text: str) -> str:
    """Return a text without the signs for which there is no glyph (emoji, control signs)."""
    text = unicodedata.normalize("NFC", text)
    return "".join(char for char in text if ord(char) in _charmap()).strip()


@functools.cache
def _charmap() -> frozenset[int]:
    from matplotlib import font_manager

    known: set[int] = set()
    for family in font_families():
        path = font_manager.findfont(font_manager.FontProperties(family=family))
        known.update(font_manager.get_font(path).get_charmap())
    return frozenset(known)
