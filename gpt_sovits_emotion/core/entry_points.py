"""What is registered: the groups of entry points, and who has put what into them.

Only the lists that distributions carry are read here; nothing of theirs is imported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gpt_sovits_emotion.core.messages import in_both, of_list, tr
from gpt_sovits_emotion.core.own_plugins import OWN
from gpt_sovits_emotion.core.records import Sentence

__all__ = [
    "GROUPS",
    "OWN_PACKAGE",
    "PREFIX",
    "Group",
    "Plugin",
    "in_half_a_line",
    "left_out",
    "others",
    "plugin_named",
]

OWN_PACKAGE = "gpt-sovits-emotion"
PREFIX = "gpt_sovits_emotion."
"""What the names of the groups begin with as entry points."""
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_VALUE = re.compile(r"[\w.]+:[\w.]+")


@dataclass(frozen=True, slots=True)
class Group:
    """A kind of things that can be added.

    Attributes:
        title: What one of them is.
        needs: Attributes that each has; where a tuple stands, one of them. None: it is called.
        makes: Whether what is registered makes the thing when it is called, as a class does.
    """

    title: Sentence
    needs: tuple[str | tuple[str, ...], ...] = ()
    makes: bool = False


GROUPS: Mapping[str, Group] = MappingProxyType(
    {
        "encoders": Group(tr("encoder"), ("parse", "borrows", "open")),
        "backends": Group(tr("backend"), makes=True),
        "transcribers": Group(tr("transcriber")),
        "bank_layouts": Group(tr("bank layout"), ("recognises", "read")),
        "corpora": Group(tr("corpus reader"), ("info", "read")),
        "formats": Group(tr("transcript format"), ("endings", ("read", "to_text"))),
    }
)
"""Group -> what belongs into it; the entry points are in ``gpt_sovits_emotion.`` and the group."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """Something that is registered.

    Attributes:
        group: One of `GROUPS`.
        name: By which it is asked for.
        value: Where it is: ``module:object``.
        package: The distribution that it comes from.
        version: Of that.
    """

    group: str
    name: str
    value: str
    package: str
    version: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether it came with this package."""
        return self.package == OWN_PACKAGE

    @property
    def origin(self) -> str:
        """The distribution with its version."""
        return f"{self.package} {self.version}".strip()


def others() -> tuple[Mapping[str, Mapping[str, Plugin]], tuple[Sentence, ...]]:
    """Return what other packages registered, group -> name -> plug-in; and what is left out, and why."""
    found, problems = _entries()
    kept: dict[str, dict[str, Plugin]] = {}
    for plugin in sorted(found, key=lambda each: (each.name, each.package)):
        same = [
            other
            for other in found
            if (other.group, other.name) == (plugin.group, plugin.name) and other is not plugin
        ]
        problem = _clash(plugin, same) or _unfit(plugin)
        if problem is None:
            kept.setdefault(plugin.group, {})[plugin.name] = plugin
        elif problem not in problems:
            problems.append(problem)
    return kept, tuple(problems)


def _entries() -> tuple[list[Plugin], list[Sentence]]:
    """Return the entry points of every other distribution, each distribution once, and what is unreadable."""
    from importlib import metadata  # a fifth of the time of --help, which asks for nothing

    found: list[Plugin] = []
    problems: list[Sentence] = []
    seen: set[str] = set()
    for distribution in metadata.distributions():
        try:
            text = distribution.read_text("entry_points.txt")
            if not text or PREFIX not in text:
                continue
            package, version = distribution.metadata["Name"], distribution.version
        except Exception:  # half a distribution, as a stopped pip leaves it; it is nobody's plug-in
            continue
        plain = re.sub(r"[-_.]+", "-", str(package)).lower()
        if plain in seen or plain == OWN_PACKAGE:
            continue
        seen.add(plain)
        try:
            entries = list(distribution.entry_points)
        except Exception as error:
            problems.append(left_out(f"{package} {version}", _reason_unread(error)))
            continue
        for entry in entries:
            if entry.group.startswith(PREFIX):
                group = entry.group.removeprefix(PREFIX)
                found.append(Plugin(group, entry.name, entry.value, str(package), str(version)))
    return found, problems


def _reason_unread(error: Exception) -> Sentence:
    return tr("its entry_points.txt cannot be read ({reason})", reason=in_half_a_line(error))


def left_out(origin: str, why: Sentence, what: Sentence | None = None) -> Sentence:
    """Return the sentence that something of a distribution is not used, why, and what to do."""
    named, named_zh = (
        (f"{what.en} of {origin}", f"{origin} 的{what.zh}") if what else (origin, origin)
    )
    return tr(
        "{named} is left out: {why}; update or uninstall that package",
        why=why,
        named=in_both(named, named_zh),
    )


def plugin_named(plugin: Plugin) -> Sentence:
    """Return what a plug-in is, and its name."""
    title = GROUPS[plugin.group].title
    return Sentence(f"the {title.en} {plugin.name!r}", f"{title.zh} {plugin.name!r}")


def _clash(plugin: Plugin, others: list[Plugin]) -> Sentence | None:
    """Return why a name that several use is nobody's of them: which was meant, none could know."""
    if plugin.name in OWN.get(plugin.group, {}):
        why = tr("that name is taken by our own")
        return left_out(plugin.origin, why, plugin_named(plugin))
    if not others or plugin.group not in GROUPS:
        return None
    origins = sorted({each.origin for each in (plugin, *others)})
    named = plugin_named(plugin)
    return tr(
        "{named} is left out: {origins} both have one of that name; uninstall one of them",
        named=named,
        origins=in_both(" and ".join(origins), " 和 ".join(origins)),
    )


def _unfit(plugin: Plugin) -> Sentence | None:
    if plugin.group not in GROUPS:
        why = tr(
            "there is no group {prefix}{group}; expected {prefix} and one of {groups}",
            prefix=PREFIX,
            group=plugin.group,
            groups=of_list(GROUPS),
        )
        what = tr("the plug-in {plugin!r}", plugin=plugin.name)
        return left_out(plugin.origin, why, what)
    if not _NAME.fullmatch(plugin.name):
        why = tr(
            "a name has letters, digits, '-', '_' and '.' only, and ends in a letter or a digit"
        )
        return left_out(plugin.origin, why, plugin_named(plugin))
    if not _VALUE.fullmatch(plugin.value):
        why = tr("{plugin!r} is not module:object", plugin=plugin.value)
        return left_out(plugin.origin, why, plugin_named(plugin))
    return None


def in_half_a_line(error: BaseException) -> str:
    """Return an error of somebody else's in half a line."""
    said = " ".join(str(error).split())[:200].rstrip(".")
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
