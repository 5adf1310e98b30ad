"""Training and evaluation of heads, for any encoder, always on speakers that were not trained on."""

from __future__ import annotations
