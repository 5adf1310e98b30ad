"""Reference clips as every host wants them."""

from __future__ import annotations

from gpt_sovits_emotion.audio import ANALYSIS_RATE_HZ, read_clip
from gpt_sovits_emotion.core.errors import AudioError, BackendError
from gpt_sovits_emotion.core.records import Audio, ReferenceClip

__all__ = ["REFERENCE_S", "read_reference"]

REFERENCE_S = (3.0, 10.0)
"""Shortest and longest reference: GPT-SoVITS's own rule, so that a bank that fits one host fits all."""


def read_reference(clip: ReferenceClip) -> Audio:
    """Read a reference clip, at the analysis rate and brought to level.

    Raises:
        BackendError: It cannot be used, cannot be read, or has a length outside 3 to 10 s.
    """
    if clip.problem is not None:
        raise BackendError(
            f"the reference clip {clip.path.name} cannot be used: {clip.problem.en}",
            zh=f"参考片段 {clip.path.name} 无法使用：{clip.problem.zh}",
        )
    try:
        audio = read_clip(clip.path)
    except AudioError as error:
        raise BackendError(
            f"the reference clip cannot be used: {error}",
            zh=f"参考片段无法使用：{error.say('zh')}",
        ) from error
    shortest, longest = (round(limit_s * ANALYSIS_RATE_HZ) for limit_s in REFERENCE_S)
    if not shortest <= len(audio.samples) <= longest:
        raise BackendError(
            f"the reference clip {clip.path.name} lasts {audio.duration_s:.2f} s; "
            f"{REFERENCE_S[0]:g} to {REFERENCE_S[1]:g} s was expected: choose another",
            zh=f"参考片段 {clip.path.name} 长 {audio.duration_s:.2f} 秒；"
            f"应为 {REFERENCE_S[0]:g} 到 {REFERENCE_S[1]:g} 秒：请另选一个",
        )
    return audio
