"""How long work tells where it stands, in both languages, and how it is stopped."""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = [
    "Progress",
    "doing_in",
    "no_progress",
    "part_of",
]

Progress = Callable[[float, str], None]
"""Called with the fraction done (0 to 1) and what is being done. It may raise to stop the work."""


def no_progress(fraction: float, doing: str) -> None:
    """Say nothing."""


def part_of(progress: Progress, start: float, end: float) -> Progress:
    """Return a `Progress` whose 0 to 1 fills `start` to `end` of `progress`."""

    def report(fraction: float, doing: str) -> None:
        progress(start + (end - start) * min(max(fraction, 0.0), 1.0), doing)

    return report


_WORDS = (
    (r"decoding", "读取音频"),
    (r"looking for speech", "查找语音"),
    (r"loading Whisper (.+)", r"加载 Whisper \1"),
    (r"listening", "识别语音"),
    (r"listening again", "再次识别"),
    (r"downloading (.+) \((\d+) MB\)", r"下载 \1（\2 MB）"),
    (r"reading the transcript", "读取文稿"),
    (r"listening for emotion", "聆听情感"),
    (r"listening to the voice's clips: (.*)", r"聆听该音色的片段：\1"),
    (r"looking at reference clips", "检查参考片段"),
    (r"looking at clips", "检查片段"),
    (r"speaking", "合成语音"),
    (r"speaking, take (\d+)", r"合成语音，第 \1 次"),
    (r"take (\d+)", r"第 \1 次合成"),
    (r"writing audio", "写入音频"),
    (r"drawing", "绘图"),
    (r"writing the report", "写入报告"),
    (r"writing", "写入"),
    (r"writing (.+)", r"写入 \1"),
    (r"copying clips", "复制片段"),
    (r"asking (.+)", r"询问 \1"),
    (r"looking at the models", "检查模型"),
    (r"done", "完成"),
    (r"measured", "测量完成"),
    (r"held out: (.+)", r"留出：\1"),
    (r"without (.+)", r"留出 \1"),
    (r"fetched", "下载完成"),
    (r"unpacking audio", "解包音频"),
    (r"unpacking", "解压"),
    (r"([\d.]+) of ([\d.]+) MB", r"\1 / \2 MB"),
    (r"(\d+) of (\d+) clips are embedded already", r"\2 个片段中已有 \1 个的特征"),
    (r"embedding (.+)", r"计算特征 \1"),
    (r"learning", "学习"),
    (r"the bank is built", "音库已建成"),
    (r"looking at clip (\d+) of (\d+)(, .+ left)?(.*)", r"检查片段 \1/\2\3\4"),
    (r"((?:.+: )?)listening to clip (\d+) of (\d+)(, .+ left)?(.*)", r"\1聆听片段 \2/\3\4\5"),
    (r"transcribing clip (\d+) of (\d+)(, .+ left)?(.*)", r"识别片段 \1/\2\3\4"),
    (r"looking at clip(.*)", r"检查片段\1"),
    (r"((?:.+: )?)listening to clip(.*)", r"\1聆听片段\2"),
    (r"transcribing clip(.*)", r"识别片段\1"),
    (r"(.+) on ([\w +-]+)", r"\1：\2"),
)
_PATTERNS = tuple((re.compile(english, re.DOTALL), chinese) for english, chinese in _WORDS)
_LEFT = re.compile(r", (?:(\d+) h )?(?:(\d+) min)?(?:(\d+) s)? left")


def doing_in(language: str, doing: str) -> str:
    """Return what a `Progress` is told in a language, ``en`` or ``zh``; a bare name stays what it is.

    Examples:
        >>> doing_in("zh", "loading Whisper base"), doing_in("en", "speaking"), doing_in("zh", "clip.wav")
        ('加载 Whisper base', 'speaking', 'clip.wav')
        >>> doing_in("zh", "looking at clip 3 of 40, 12 min left a.wav")
        '检查片段 3/40，还需 12 分钟 a.wav'
    """
    if language != "zh":
        return doing
    for pattern, chinese in _PATTERNS:
        found = pattern.fullmatch(doing)
        if found is not None:
            return _LEFT.sub(_left, found.expand(chinese))
    return doing


def _left(found: re.Match[str]) -> str:
    units = zip(found.groups(), ("小时", "分钟", "秒"), strict=True)
    return "，还需 " + " ".join(f"{number} {unit}" for number, unit in units if number)
