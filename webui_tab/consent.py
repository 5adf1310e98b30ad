"""The lines to tick before anything is read, built, trained, given away or deleted. No Gradio here.

Each is a box beside its button, and each is asked for on the server, by whatever does the thing: a request
that does not come from the page has nobody to tick it.
"""

from __future__ import annotations

from gpt_sovits_emotion.core.errors import ConsentError
from webui_tab.texts import TEXTS

__all__ = ["require"]


def require(ticked: bool, missing: str) -> None:
    """Go on only if a line is ticked.

    Args:
        ticked: Whether it is.
        missing: Key of the sentence that says which line is not.

    Raises:
        ConsentError: It is not ticked.
    """
    if ticked is not True:
        said = TEXTS[missing]
        raise ConsentError(said.en, zh=said.zh)
