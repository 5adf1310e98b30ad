"""What a built bank knows of its voice, and what a person wants of it this time."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gpt_sovits_emotion.banks.library.sidecar import read_sidecar, sidecar_path, statistics_of
from gpt_sovits_emotion.banks.library.tagged_text import labels_of_bank
from gpt_sovits_emotion.core.counting import counted
from gpt_sovits_emotion.core.errors import ReferenceBankError
from gpt_sovits_emotion.core.labels import EMOTIONS, display_name, slot_label
from gpt_sovits_emotion.core.records import ReferenceBank, Sentence, SpeakerStatistics
from gpt_sovits_emotion.heads.profiles import head_digest
from gpt_sovits_emotion.tagging import Analyser

__all__ = ["VoiceStatistics", "clip_named", "voice_statistics", "with_pins"]


@dataclass(frozen=True, slots=True, eq=False)
class VoiceStatistics:
    """Statistics of a bank's voice for one head; None with the reason where there are none for it."""

    speaker: SpeakerStatistics | None
    note: Sentence


def voice_statistics(source: str | Path, analyser: Analyser) -> VoiceStatistics:
    """Return the speaker statistics that were kept when a bank was built, for a head that may use them.

    Statistics belong to one head on one encoder: those of another lie in another space.

    Args:
        source: The bank, as it is named for `banks.load_bank`.
        analyser: The head, with its encoder as it is lent now.

    Raises:
        ReferenceBankError: The bank's sidecar is damaged, or of a newer version.
    """
    path = sidecar_path(source)
    if not path.is_file():
        return VoiceStatistics(
            None,
            Sentence(
                "the bank has not been built (refs build), so nothing is known of its voice",
                "音库尚未构建（refs build），因此没有该音色的统计",
            ),
        )
    sidecar = read_sidecar(path)
    head = analyser.head
    speaker = statistics_of(sidecar, head_digest=head_digest(head))
    fits = sidecar.encoder_fingerprint in ("", analyser.encoder.fingerprint)
    if speaker is not None and fits and len(speaker.mean) == analyser.encoder.dim:
        return VoiceStatistics(
            speaker,
            Sentence(
                f"statistics of the voice from {counted(speaker.n_segments, 'clip')} of its bank",
                f"该音色的统计来自其音库的 {speaker.n_segments} 个片段",
            ),
        )
    if sidecar.speaker is None:
        return VoiceStatistics(
            None,
            Sentence(
                "the bank was built without statistics of its voice (too few clips, or all alike)",
                "构建音库时没有得到该音色的统计（片段太少，或情感都一样）",
            ),
        )
    return VoiceStatistics(
        None,
        Sentence(
            f"the bank was built with another head ({sidecar.head_id}), or with other weights: its "
            f"statistics do not fit {head.card.id}; build it again to use them",
            f"音库是用另一个情感模型（{sidecar.head_id}）或其他权重构建的：其统计不适用于 {head.card.id}；"
            "要使用请重新构建",
        ),
    )


def with_pins(
    bank: ReferenceBank, pins: Mapping[str, str], *, known: Collection[str] | None = None
) -> ReferenceBank:
    """Return a bank with further pins for this time; what is kept beside the bank stays as it is.

    Args:
        bank: The voice.
        pins: Emotion -> clip, as `clip_named` finds it.
        known: Labels that can be wanted, in canonical form, beside the canonical ones and the bank's own:
            those of the heads and of the texts. Any label can be when None.

    Raises:
        ReferenceBankError: A clip is not in the bank, or cannot be used; or nothing is ever said in an
            emotion that is pinned.
    """
    if not pins:
        return bank
    labels = None if known is None else {*EMOTIONS, *labels_of_bank(bank), *known}
    added = {}
    for emotion, name in pins.items():
        label = slot_label(emotion)
        if labels is not None and label and label not in labels:
            raise _unknown_emotion(emotion, labels)
        added[label] = clip_named(bank, name)
    return replace(bank, pins={**bank.pins, **added})


def _unknown_emotion(emotion: str, labels: Collection[str]) -> ReferenceBankError:
    # By what a person may have written: canonical labels, and their Chinese names.
    named = {name: label for label in labels for name in (label, display_name(label, "zh"))}
    near = difflib.get_close_matches(emotion.strip().casefold(), sorted(named), n=3)
    labels_near = list(dict.fromkeys(named[name] for name in near)) or sorted(labels)
    shown = ", ".join(labels_near)
    shown_zh = "、".join(display_name(label, "zh") for label in labels_near)
    return ReferenceBankError(
        f"no clip can be pinned for {emotion!r}: neither the voice, nor the head, nor the text knows it; "
        f"{'near ones are' if near else 'known are'} {shown}",
        zh=f"不能为 {emotion!r} 固定片段：音库、情感模型和文字中都没有它；"
        f"{'相近的有' if near else '已知的有'}：{shown_zh}",
    )


def clip_named(bank: ReferenceBank, name: str) -> Path:
    """Return the path of a usable clip by its path, its path within the bank, or its file name.

    Raises:
        ReferenceBankError: No clip or several are called so, or the clip cannot be used.
    """
    wanted = Path(name).expanduser()
    places = (wanted, wanted.absolute(), bank.root / wanted)
    found = [clip for clip in bank.clips if clip.path in places]
    if not found:
        found = [clip for clip in bank.clips if clip.path.name == name]
    if len(found) != 1:
        many = f"{len(found)} clips" if found else "no clip"
        many_zh = f"有 {len(found)} 个片段叫" if found else "没有片段叫"
        raise ReferenceBankError(
            f"the bank {bank.root} has {many} called {name!r}: give its path within the bank (refs list "
            "shows it)",
            zh=f"音库 {bank.root} 中{many_zh} {name!r}：请给出它在音库中的路径（refs list 会列出）",
        )
    problem = found[0].problem
    if problem is not None:
        raise ReferenceBankError(
            f"the clip {found[0].path.name} cannot be pinned: {problem.en}",
            zh=f"片段 {found[0].path.name} 不能固定：{problem.zh}",
        )
    return found[0].path
