"""What other packages add: plug-ins, found by the entry points of their distributions.

Each group is read once, when it is first asked for, and nothing is imported before its name is. What is
broken, or has a name that is taken, is left out and told in one sentence; everything else goes on. Our own
parts stand in `core.own_plugins` and are looked up in the same way, also where nothing was installed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from gpt_sovits_emotion.core.entry_points import (
    GROUPS,
    OWN_PACKAGE,
    PREFIX,
    Group,
    Plugin,
    in_half_a_line,
    left_out,
    others,
    plugin_named,
)
from gpt_sovits_emotion.core.errors import EmotionError, PluginError
from gpt_sovits_emotion.core.messages import of_error, of_list, tr
from gpt_sovits_emotion.core.own_plugins import OWN
from gpt_sovits_emotion.core.records import Sentence

__all__ = [
    "GROUPS",
    "PREFIX",
    "Group",
    "Plugin",
    "added",
    "all_plugins",
    "blamed",
    "culprit",
    "failed",
    "failed_plugin",
    "find",
    "forget",
    "listed",
    "load",
    "names",
    "problems",
    "recognised",
    "tell_with",
]


class _State:
    """What was read and loaded so far."""

    def __init__(self) -> None:
        self.strangers: Mapping[str, Mapping[str, Plugin]] | None = None
        self.loaded: dict[tuple[str, str], Any] = {}
        self.broken: dict[tuple[str, str], Sentence] = {}
        self.unread: tuple[Sentence, ...] = ()


_state = _State()
_tell: list[Callable[[Sentence], None]] = []


def forget() -> None:
    """Read everything anew when it is next asked for."""
    global _state
    _state = _State()


@contextmanager
def tell_with(tell: Callable[[Sentence], None]) -> Iterator[None]:
    """Have problems told to `tell` inside of the block; without, they are logged as warnings."""
    _tell.append(tell)
    try:
        yield
    finally:
        _tell.remove(tell)


def problems() -> tuple[Sentence, ...]:
    """Return what has been found wrong so far: one sentence each."""
    _strangers()
    return (*_state.unread, *_state.broken.values())


def names(group: str) -> tuple[str, ...]:
    """Return what can be asked for in a group: ours, then what was added, by name."""
    return (*OWN[group], *_strangers().get(group, {}))


def all_plugins() -> tuple[Plugin, ...]:
    """Return everything that is registered, group by group, ours first."""
    return tuple(
        plugin for group in GROUPS for name in names(group) if (plugin := find(group, name))
    )


def find(group: str, name: str) -> Plugin | None:
    """Return what is registered under a name, without importing it; None where nothing is."""
    if name in OWN[group]:
        from gpt_sovits_emotion import __version__

        return Plugin(group, name, OWN[group][name], OWN_PACKAGE, __version__)
    return _strangers().get(group, {}).get(name)


def load(group: str, name: str) -> Any:
    """Import what is registered under a name, and return it; a class is made, without arguments.

    Raises:
        PluginError: Nothing is registered under this name, or it is broken; the message says which, whose it
            is, and what to do.
    """
    if (group, name) in _state.loaded:
        return _state.loaded[group, name]
    plugin = find(group, name)
    if plugin is None:
        raise _unknown(group, name)
    if (group, name) not in _state.broken:
        try:
            found = _imported(plugin)
        except EmotionError as error:
            _state.broken[group, name] = of_error(error)
        else:
            _state.loaded[group, name] = found
            return found
    problem = _state.broken[group, name]
    raise PluginError(problem.en, zh=problem.zh)


def added(group: str) -> Iterator[tuple[Plugin, Any]]:
    """Yield what other packages added to a group, by name; what is broken is told once and passed over."""
    for name, plugin in tuple(_strangers().get(group, {}).items()):
        known = (group, name) in _state.broken
        try:
            yield plugin, load(group, name)
        except PluginError:
            if not known:
                _told(_state.broken[group, name])


@contextmanager
def blamed(*, doing: Sentence) -> Iterator[None]:
    """Say in one sentence whose plug-in it was that failed inside of the block, and at what.

    Errors that are said in a sentence already, and those that are no plug-in's, pass as they are.

    Args:
        doing: What was to be done, as ``reading talk.xyz``.

    Raises:
        PluginError: A plug-in failed.
    """
    try:
        yield
    except EmotionError:
        raise
    except Exception as error:
        plugin = culprit(error)
        if plugin is None:
            raise
        raise failed(plugin, error, doing=doing) from error


def listed(
    plugin: Plugin, give: Callable[[], Iterable[Any]], *, doing: Sentence
) -> tuple[Any, ...]:
    """Return what a plug-in gives one after another.

    Raises:
        PluginError: It failed, or gives nothing that can be gone through.
    """
    with blamed(doing=doing):
        given = give()
        if isinstance(given, Iterable):
            return tuple(given)
    raise failed(plugin, TypeError(f"{type(given).__name__} is no list"), doing=doing)


def recognised(plugin: Plugin, recognises: Callable[[Any], object], what: Any) -> bool:
    """Ask a plug-in whether something is of its kind; one that fails at that is left out from then on."""
    try:
        return bool(recognises(what))
    except Exception as error:
        doing = tr("looking at what is not its own, and is left out")
        problem = failed(plugin, error, doing=doing)
        _state.loaded.pop((plugin.group, plugin.name), None)
        _state.broken[plugin.group, plugin.name] = of_error(problem)
        _told(_state.broken[plugin.group, plugin.name])
        return False


def failed(plugin: Plugin, error: BaseException, *, doing: Sentence) -> PluginError:
    """Return the sentence that a plug-in failed."""
    why, title = in_half_a_line(error), GROUPS[plugin.group].title
    return PluginError(
        tr(
            "the {title} {plugin!r} of {origin} failed at {doing} ({why}); that is a fault of that "
            "package: update it, or tell its makers",
            title=title,
            plugin=plugin.name,
            origin=plugin.origin,
            doing=doing,
            why=why,
        )
    )


def failed_plugin(error: BaseException) -> PluginError | None:
    """Return the sentence that a plug-in failed, where an error that nobody foresaw is one's; else None."""
    plugin = culprit(error)
    return None if plugin is None else failed(plugin, error, doing=tr("its work"))


def culprit(error: BaseException) -> Plugin | None:
    """Return the plug-in of another package in whose code an error arose; None where that is not so.

    The innermost frame that is ours or a plug-in's decides: a plug-in is not to blame for what it was given
    to call.
    """
    packages = {
        plugin.value.partition(":")[0].partition(".")[0]: plugin
        for of_group in (_state.strangers or {}).values()
        for plugin in of_group.values()
    }
    found: Plugin | None = None
    traceback: TracebackType | None = error.__traceback__
    while traceback is not None:
        package = str(traceback.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
        if package in packages and package != "gpt_sovits_emotion":
            found = packages[package]
        elif package in ("gpt_sovits_emotion", "webui_tab"):
            found = None
        traceback = traceback.tb_next
    return found


# --- inside ----------------------------------------------------------------------------------------


def _told(problem: Sentence) -> None:
    if _tell:
        _tell[-1](problem)
    else:
        import logging

        logging.getLogger("gpt_sovits_emotion").warning("%s", problem.en)


def _strangers() -> Mapping[str, Mapping[str, Plugin]]:
    """Return what other packages registered, read at the first call: group -> name -> plug-in."""
    if _state.strangers is None:
        _state.strangers, _state.unread = others()
        for problem in _state.unread:
            _told(problem)
    return _state.strangers


def _imported(plugin: Plugin) -> Any:
    """Import a plug-in, and see that it has what its group asks for.

    Raises:
        PluginError: It cannot be imported, or lacks something.
    """
    module, _, path = plugin.value.partition(":")
    group = GROUPS[plugin.group]
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
        if isinstance(found, type) and not group.makes:
            found = found()
        lacking = [need for need in group.needs if not _has(found, need)]
    except (Exception, SystemExit) as error:
        if plugin.is_ours:
            raise
        raise _broken(
            plugin,
            tr("it cannot be imported ({reason})", reason=in_half_a_line(error)),
        ) from error
    if not group.needs and not callable(found):
        raise _broken(plugin, tr("it cannot be called"))
    if lacking:
        listed = ", ".join(need if isinstance(need, str) else " or ".join(need) for need in lacking)
        raise _broken(plugin, tr("it has no {listed}", listed=listed))
    return found


def _has(found: Any, need: str | tuple[str, ...]) -> bool:
    options = (need,) if isinstance(need, str) else need
    return any(getattr(found, option, None) is not None for option in options)


def _broken(plugin: Plugin, why: Sentence) -> PluginError:
    sentence = left_out(plugin.origin, why, plugin_named(plugin))
    return PluginError(sentence.en, zh=sentence.zh)


def _unknown(group: str, name: str) -> PluginError:
    title, known = GROUPS[group].title, names(group)
    return PluginError(
        tr(
            "there is no {title} {name!r}; expected one of {known}, or the package that adds it is not "
            "installed (see  gpt-sovits-emotion plugins)",
            title=title,
            name=name,
            known=of_list(known),
        )
    )
