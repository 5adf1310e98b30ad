"""The reference bank of a voice: its clips, each with the reason why it cannot be used, if any."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from gpt_sovits_emotion.audio import ANALYSIS_RATE_HZ, probe_duration_s
from gpt_sovits_emotion.errors import AudioError, ReferenceBankError
from gpt_sovits_emotion.labels import display_name
from gpt_sovits_emotion.progress import Progress, no_progress
from gpt_sovits_emotion.records import ReferenceBank, ReferenceClip, Sentence
from gpt_sovits_emotion.references.layouts import EXPECTED, ClipEntry, read_layout

__all__ = ["REFERENCE_MAX_S", "REFERENCE_MIN_S", "load_bank"]

REFERENCE_MIN_S = 3.0
REFERENCE_MAX_S = 10.0
"""GPT-SoVITS takes 48,000 to 160,000 samples at 16 kHz, both included (inference_webui.py)."""


def load_bank(
    path: str | Path,
    *,
    voice: str | None = None,
    reference_min_s: float = REFERENCE_MIN_S,
    reference_max_s: float = REFERENCE_MAX_S,
    progress: Progress = no_progress,
) -> ReferenceBank:
    """Load a bank: a folder per emotion, or an ``infer_config.json`` (or the folder that holds it).

    Clips that cannot be used stay in the bank with their problem, so that a person can see and mend
    them. Lengths come from the files' headers, and only files of equal size are compared by content.

    Args:
        path: The bank's folder or file.
        voice: Name of the voice; by default what the bank says, else the folder's name.
        reference_min_s: Shortest clip that the host takes.
        reference_max_s: Longest clip that the host takes.
        progress: Told how many clips have been looked at.

    Raises:
        ReferenceBankError: There is no bank, its file is broken, it is empty, or none of its clips can
            be used.
    """
    listing = read_layout(Path(path))
    if not listing.entries:
        raise ReferenceBankError(
            f"the reference bank {listing.root} has no clips; {EXPECTED.en}",
            zh=f"参考音库 {listing.root} 中没有片段；{EXPECTED.zh}",
        )
    clips = []
    for index, entry in enumerate(listing.entries):
        progress(index / len(listing.entries), "looking at reference clips")
        clips.append(_judged(entry, reference_min_s, reference_max_s))
    bank = ReferenceBank(
        voice=voice or listing.voice or listing.root.resolve().name,
        root=listing.root,
        layout=listing.layout,
        clips=tuple(_with_duplicates_marked(clips)),
        synthetic=listing.synthetic,
        settings=listing.settings,
    )
    if not bank.usable:
        raise _wholly_unusable(bank, reference_min_s, reference_max_s)
    progress(1.0, "looking at reference clips")
    return bank


def _judged(entry: ClipEntry, min_s: float, max_s: float) -> ReferenceClip:
    duration_s: float | None
    problem: Sentence | None
    try:
        duration_s = probe_duration_s(entry.path)
    except AudioError as error:
        duration_s = None
        problem = Sentence(f"cannot be read: {error}", f"无法读取：{error.say('zh')}")
    else:
        problem = _length_problem(duration_s, min_s, max_s)
    return ReferenceClip(entry.path, entry.emotion, entry.text, entry.language, duration_s, problem)


def _length_problem(duration_s: float, min_s: float, max_s: float) -> Sentence | None:
    # The host counts samples after resampling, which rounds a last part of a sample up; the inner
    # rounding takes back what the division by the file's own rate left behind a whole number.
    n_samples = math.ceil(round(duration_s * ANALYSIS_RATE_HZ, 3))
    if n_samples < min_s * ANALYSIS_RATE_HZ:
        return Sentence(
            f"too short: {duration_s:.2f} s, at least {min_s:g} s are needed",
            f"太短：{duration_s:.2f} 秒，至少需要 {min_s:g} 秒",
        )
    if n_samples > max_s * ANALYSIS_RATE_HZ:
        return Sentence(
            f"too long: {duration_s:.2f} s, at most {max_s:g} s can be used",
            f"太长：{duration_s:.2f} 秒，最多只能用 {max_s:g} 秒",
        )
    return None


def _with_duplicates_marked(clips: Sequence[ReferenceClip]) -> list[ReferenceClip]:
    """Mark every clip whose file has the same content as an earlier one of the bank.

    The default slot is left alone: it usually points at one of the voice's other clips, and says which
    of them is the voice's ordinary one.
    """
    first_with: dict[str, ReferenceClip] = {}
    marked: list[ReferenceClip] = []
    by_size: defaultdict[int, int] = defaultdict(int)
    sizes = [
        clip.path.stat().st_size if clip.problem is None and clip.emotion else -1 for clip in clips
    ]
    for size in sizes:
        by_size[size] += 1
    for clip, size in zip(clips, sizes, strict=True):
        if size < 0 or by_size[size] == 1:
            marked.append(clip)
            continue
        content = hashlib.sha256(clip.path.read_bytes()).hexdigest()
        first = first_with.setdefault(content, clip)
        marked.append(clip if first is clip else _duplicate(clip, first))
    return marked


def _duplicate(clip: ReferenceClip, first: ReferenceClip) -> ReferenceClip:
    other_label = first.emotion != clip.emotion
    also_en = f", which is filed under {display_name(first.emotion)}" if other_label else ""
    also_zh = f"（归在“{display_name(first.emotion, 'zh')}”下）" if other_label else ""
    return ReferenceClip(
        clip.path,
        clip.emotion,
        clip.text,
        clip.language,
        clip.duration_s,
        Sentence(
            f"duplicate: the same audio as {first.path.name}{also_en}",
            f"重复：与 {first.path.name} 内容相同{also_zh}",
        ),
    )


def _wholly_unusable(bank: ReferenceBank, min_s: float, max_s: float) -> ReferenceBankError:
    first = bank.clips[0]
    why = first.problem or Sentence("", "")
    n_clips = len(bank.clips)
    of = "its only clip cannot" if n_clips == 1 else f"none of its {n_clips} clips can"
    of_zh = "唯一的片段不能用" if n_clips == 1 else f"全部 {n_clips} 个片段都不能用"
    return ReferenceBankError(
        f"the reference bank {bank.root} is of no use: {of} be used "
        f"({first.path.name}: {why.en}); add readable clips of {min_s:g} to {max_s:g} s",
        zh=f"参考音库 {bank.root} 无法使用：{of_zh}（{first.path.name}：{why.zh}）；"
        f"请加入可读的、{min_s:g} 到 {max_s:g} 秒的片段",
    )
