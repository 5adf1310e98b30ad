"""Whether an error says in Chinese what it says in English."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gpt_sovits_emotion.core.errors import EmotionError
from gpt_sovits_emotion.core.records import Sentence

_CHINESE = re.compile(r"[\u4e00-\u9fff]")
# File names, paths, addresses, numbers, versions, settings; names with more than one capital; options.
_PARTS = re.compile(r"(?:[A-Za-z]:)?[A-Za-z0-9_.,/=\\:%]+")
_NAMES = re.compile(r"[0-9_./=\\]|[A-Z].*[A-Z]")
_OPTIONS = re.compile(r"--[a-z-]+|-m \S+")
_COMMANDS = re.compile(
    r"gpt-sovits-emotion doctor --checkout DIR|pip install -r requirements\.txt|pip install torchcodec"
    r"|python -m nltk\.downloader averaged_perceptron_tagger_eng cmudict|python api_v2\.py -a \S+ -p \d+"
)


def check_says_the_same(error: EmotionError) -> None:
    """Fail unless an error has a Chinese sentence with the commands, names and figures of the English one."""
    assert error.zh is not None, f"English only: {error}"
    chinese = error.say("zh")
    assert _CHINESE.search(chinese), chinese
    assert "\n" not in chinese
    assert error.say("en") == str(error)
    missing = _parts(str(error)) - _parts(chinese)
    assert not missing, f"{sorted(missing)} of {str(error)!r} are missing in {chinese!r}"


def check_sentences(sentences: Iterable[Sentence]) -> None:
    """Fail unless warnings have Chinese sentences, as errors do."""
    for sentence in sentences:
        check_says_the_same(EmotionError(sentence.en, zh=sentence.zh))


def _parts(sentence: str) -> set[str]:
    words = (word.strip(".,:/") for word in _PARTS.findall(sentence))
    names = {word for word in words if _NAMES.search(word)}
    return names | set(_OPTIONS.findall(sentence)) | set(_COMMANDS.findall(sentence))
