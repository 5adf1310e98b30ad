"""Which revision of a git repository is checked out, read from its files; git itself is not needed."""

from __future__ import annotations

from pathlib import Path

__all__ = ["revision_of"]

_N_SHORT = 7


def revision_of(root: Path) -> str | None:
    """Return the tag that is checked out, else the first seven digits of the commit.

    Returns:
        None where there is no repository, or where it cannot be read.
    """
    try:
        folder = _repository(root)
        commit = _commit(folder)
        return _tag_of(folder, commit) or commit[:_N_SHORT]
    except (OSError, ValueError, LookupError):
        return None


def _repository(root: Path) -> Path:
    dot_git = root / ".git"
    if dot_git.is_file():  # a worktree or a submodule: "gitdir: <path>"
        return root / dot_git.read_text(encoding="utf-8").partition(":")[2].strip()
    return dot_git


def _common(folder: Path) -> Path:
    """Return the folder of the references, which worktrees share."""
    pointer = folder / "commondir"
    return folder / pointer.read_text(encoding="utf-8").strip() if pointer.is_file() else folder


def _commit(folder: Path) -> str:
    head = (folder / "HEAD").read_text(encoding="utf-8").strip()
    kind, is_reference, reference = head.partition(": ")
    if not is_reference:
        return kind
    loose = _common(folder) / reference
    if loose.is_file():
        return loose.read_text(encoding="utf-8").strip()
    return {name: found for found, name in _packed(folder)}[reference]


def _tag_of(folder: Path, commit: str) -> str | None:
    tags = _common(folder) / "refs" / "tags"
    for path in sorted(tags.rglob("*")):
        if path.is_file() and path.read_text(encoding="utf-8").strip() == commit:
            return path.relative_to(tags).as_posix()
    for found, reference in _packed(folder):
        if found == commit and reference.startswith("refs/tags/"):
            return reference.removeprefix("refs/tags/")
    return None


def _packed(folder: Path) -> list[tuple[str, str]]:
    """Return (commit, reference) pairs; of an annotated tag, the commit that it stands for too."""
    path = _common(folder) / "packed-refs"
    pairs: list[tuple[str, str]] = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        if line.startswith("^"):
            pairs.append((line[1:].strip(), pairs[-1][1]))
        elif line and not line.startswith("#"):
            commit, _, reference = line.partition(" ")
            pairs.append((commit, reference.strip()))
    return pairs
