"""``python -m gpt_sovits_emotion``."""

from __future__ import annotations

from gpt_sovits_emotion.cli import main

if __name__ == "__main__":
    main()
