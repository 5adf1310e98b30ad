"""Corpora that are read by their name: ours as they are registered, and those that other packages add."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from gpt_sovits_emotion.core import registry
from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.own_plugins import OWN
from gpt_sovits_emotion.training.corpora.corpus import Clip, Corpus, CorpusInfo, label_from
from gpt_sovits_emotion.training.corpora.known import KNOWN_CORPORA

__all__ = ["CorpusReader", "added_infos", "added_reader", "read_added"]


class CorpusReader(Protocol):
    """What reads a corpus as it is distributed: what an entry point in the group ``corpora`` is.

    ``--corpus NAME=DIR`` asks the reader of that name.

    Attributes:
        info: Who made the corpus, and on which terms; what a head's card says of it.
    """

    @property
    def info(self) -> CorpusInfo:
        """What is known of the corpus."""
        ...

    def read(self, folder: Path) -> Iterable[Clip]:
        """Return the labelled clips in a folder; speakers have names that are one person's in it.

        Raises:
            CorpusError: There is no such corpus; the message says what was expected.
        """
        ...


def added_reader(name: str) -> bool:
    """Say whether another package adds a reader of this name."""
    return name not in OWN["corpora"] and registry.find("corpora", name) is not None


def added_infos() -> tuple[CorpusInfo, ...]:
    """Return what the readers that were added say of their corpora."""
    return tuple(
        replace(reader.info, id=plugin.name) for plugin, reader in registry.added("corpora")
    )


def read_added(name: str, folder: Path) -> Corpus:
    """Read a corpus with the reader that another package adds, and see that its clips are such.

    Raises:
        CorpusError: There are no clips, or what is given is none.
        PluginError: The reader is broken, or failed.
    """
    reader: CorpusReader = registry.load("corpora", name)
    plugin = registry.find("corpora", name)
    assert plugin is not None  # it was loaded
    if not folder.is_dir():
        raise CorpusError(tr("{folder} is no folder; name the folder of the corpus", folder=folder))
    doing = tr("reading {folder}", folder=folder)
    clips = registry.listed(plugin, lambda: reader.read(folder), doing=doing)
    for clip in clips:
        if not isinstance(clip, Clip) or not (clip.speaker and clip.emotion):
            raise CorpusError(
                tr(
                    "{folder}: the corpus reader {name!r} gives a clip without speaker or emotion "
                    "({clip!r:.100}); that is a fault of the package that adds it",
                    folder=folder,
                    name=name,
                    clip=clip,
                )
            )
    if not clips:
        raise CorpusError(
            tr(
                "{folder} has no clips of {title}; name the folder of that corpus as it is distributed",
                folder=folder,
                title=reader.info.title,
            )
        )
    labelled = tuple(
        replace(clip, emotion=label_from(clip.emotion), label=clip.label or clip.emotion)
        for clip in clips
    )
    return Corpus(name, folder, labelled, replace(reader.info, id=name))


@dataclass(frozen=True, slots=True)
class _Known:
    """One of ours."""

    info: CorpusInfo

    def read(self, folder: Path) -> tuple[Clip, ...]:
        """Return the clips of a folder."""
        from gpt_sovits_emotion.training.corpora.reading import read_corpus

        return read_corpus(folder, layout=self.info.id).clips


def __getattr__(name: str) -> _Known:
    """Return one of ours by its name with ``_`` for ``-``, as it is registered."""
    info = KNOWN_CORPORA.get(name.replace("_", "-"))
    if info is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _Known(info)
