"""Every sentence of the page, in English and Chinese, as one table; those of settings stand with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from gpt_sovits_emotion.core.errors import EmotionError
from gpt_sovits_emotion.core.records import Sentence
from webui_tab.banks import form as banks
from webui_tab.settings import SETTING_TEXTS
from webui_tab.training import form as training

__all__ = ["LANGUAGES", "TEXTS", "filled", "language_of_browser", "on_page", "say", "sentence_of"]

LANGUAGES: Mapping[str, str] = MappingProxyType({"en": "English", "zh": "中文"})
"""Languages of the page -> what each calls itself."""

_TABLE = {
    # --- head of the page
    "title": ("Emotion round trip", "情感往返"),
    "subtitle": (
        "Hear a recording, see the emotion of every segment, correct it, and hear it said again in "
        "that emotion.",
        "听一段录音，看每个片段的情感，改正后，再用同样的情感说一遍。",
    ),
    "page_language": ("Language of this page", "页面语言"),
    "voice_notice": (
        "The voice here is eSpeak NG, a small robot voice that needs no GPT-SoVITS. It copies the pitch, "
        "pace and loudness of the reference clip; it does not clone anybody’s voice. The sample recording "
        "and the sample voice are synthetic too.",
        "这里的声音是 eSpeak NG，一个不需要 GPT-SoVITS 的小型合成声音。它只模仿参考片段的音高、语速和响度，"
        "不克隆任何人的音色。示例录音和示例音库也都是合成的。",
    ),
    "voice_notice_host": (
        "The voice is the GPT-SoVITS voice that is loaded on the other tab; load another there, and it is "
        "used here from the next sentence on. Both tabs share one queue, so each waits for the other. "
        "The sample recording and the sample voice are synthetic.",
        "这里使用另一个标签页中已加载的 GPT-SoVITS 声音；在那边切换模型后，下一句起即生效。"
        "两个标签页共用一个队列，会互相等待。示例录音和示例音库是合成的。",
    ),
    "page_listen": ("Listen and say again", "标注与重说"),
    # --- step 1
    "step_recording": ("1 · Recording", "1 · 录音"),
    "recording": ("Record or upload", "录制或上传"),
    "open_video": ("Open a video or another format…", "打开视频或其他格式…"),
    "words": ("Words from a file…", "从文件取文字…"),
    "words_from": (
        "The words are those of {name}: subtitles, lyrics, minutes or plain text.",
        "文字取自 {name}：字幕、歌词、会议记录或纯文本。",
    ),
    "words_drop": ("Recognise them instead", "改为语音识别"),
    "words_file": ("the file {name}", "文件 {name}"),
    "try_sample": ("Try the sample", "试用示例"),
    "consent_missing": (
        "Nothing was analysed: tick the line above the button first, which says that everyone who speaks "
        "in the recording has agreed.",
        "尚未分析：请先勾选按钮上方的那一行，确认录音中的每个人都已同意。",
    ),
    "analyse": ("Analyse", "分析"),
    "stop": ("Stop", "停止"),
    "more_settings": ("More settings", "更多设置"),
    "head_gone": (
        "The head {head} is no longer there; choose another.",
        "情感模型 {head} 已不在；请另选一个。",
    ),
    "head_needs": (
        "reads {encoder}, which is not at hand here.",
        "需要 {encoder}，此处没有。",
    ),
    "head_needs_whisper": ("needs Whisper {size}: {remedy}", "需要 Whisper {size}：{remedy}"),
    "heads_more": ("and {n} more", "还有 {n} 个"),
    # --- step 2
    "step_heard": ("2 · What was heard", "2 · 听到了什么"),
    "table": ("Segments", "片段"),
    "table_hint": (
        "Click a row to listen to it and to choose its reference below. Double-click a text or an emotion "
        "to correct it.",
        "单击一行，可在下方试听并选择参考；双击文字或情感，可直接改正。",
    ),
    "column_number": ("#", "#"),
    "column_start": ("Start", "开始"),
    "column_end": ("End", "结束"),
    "column_text": ("Text", "文字"),
    "column_emotion": ("Emotion", "情感"),
    "column_sure": ("Sure", "把握"),
    "column_why": ("Why", "依据"),
    "column_check": ("Said again", "重说结果"),
    "by_hand": ("by hand", "手动"),
    "kept_yes": ("✓ {heard}", "✓ {heard}"),
    "kept_no": ("✗ {heard}", "✗ {heard}"),
    "kept_unknown": ("–", "–"),
    "only_text_and_emotion": (
        "Only the text and the emotion can be changed here; the rest was measured and stays as it was.",
        "这里只能修改文字和情感；其余为测量结果，保持不变。",
    ),
    "no_emotion_given": (
        "Segment {number}: an emotion must have a name, so it stays {label}.",
        "第 {number} 段：情感不能为空，保持为“{label}”。",
    ),
    "heard_summary": (
        "{n} segments in {duration} · {spoken} · words by {transcriber} · {note}",
        "{n} 个片段，共 {duration} · {spoken} · 文字来自 {transcriber} · {note}",
    ),
    "heard_one": (
        "1 segment in {duration} · {spoken} · words by {transcriber} · {note}",
        "1 个片段，共 {duration} · {spoken} · 文字来自 {transcriber} · {note}",
    ),
    "language_unknown": ("language unknown", "语言未知"),
    "words_none": ("nobody (speech was found, not read)", "无（只找出语音，未识别文字）"),
    "words_none_by_loudness": (
        "nobody (no speech was detected, so the loud stretches were taken)",
        "无（未检测到语音，按响度分段）",
    ),
    "removed": (
        "{n} passages that the recogniser seems to have invented were taken out: {texts}",
        "已去除识别器可能臆造的 {n} 处文字：{texts}",
    ),
    "no_segments": (
        "No speech was found in {name}; record closer to the microphone, or choose another file.",
        "在 {name} 中没有找到语音；请靠近麦克风录制，或选择其他文件。",
    ),
    # --- the segment panel
    "segment_title": (
        "Segment {number} of {n} · {start}–{end}",
        "第 {number} / {n} 段 · {start}–{end}",
    ),
    "earlier": ("◀", "◀"),
    "later": ("▶", "▶"),
    "original": ("Original", "原声"),
    "text": ("Text", "文字"),
    "emotion": ("Emotion (choose or type)", "情感（可选择或输入）"),
    "undo": ("Back to what was heard", "恢复为听到的内容"),
    "probabilities": ("What the head heard", "模型听到的"),
    "heard_again": ("What the head heard in it", "模型重听到的"),
    "reference": ("Reference clip", "参考片段"),
    "candidates": ("Candidates, best first", "候选（最合适的在前）"),
    "automatic": ("Automatic: {name}", "自动：{name}"),
    "other_clip": ("Another clip of this voice", "该声音的其他片段"),
    "said_again": ("Said again", "重说"),
    "substituted": ("Stand-in", "替代"),
    "pinned": ("Chosen by hand", "手动选择"),
    "chosen": ("Chosen", "已选"),
    "no_words": (
        "There are no words to say: write them into the text, and a reference is chosen.",
        "没有可说的文字：在文字框中填写后，会自动选择参考。",
    ),
    "not_said_yet": ("Not said again yet.", "尚未重说。"),
    "changed_since": (
        "Changed since: press “Say it again” to hear it.",
        "之后有修改：请再次点击“重说”。",
    ),
    # --- step 3
    "step_again": ("3 · Say it again", "3 · 重说"),
    "resynthesise": ("Say it again", "重说"),
    "how_to_speak": ("How it is spoken", "合成设置"),
    "before": ("Before (the recording)", "之前（原录音）"),
    "after": ("After (said again)", "之后（重说）"),
    "result": (
        "Kept its emotion in {kept} of {compared} segments, as heard by {judge} · voice: {voice} · "
        "spoken by {backend}",
        "{compared} 个片段中有 {kept} 个保留了情感（由 {judge} 重听判断） · 声音：{voice} · 合成：{backend}",
    ),
    "result_nothing": (
        "There was nothing to compare · voice: {voice} · spoken by {backend}",
        "没有可比较的片段 · 声音：{voice} · 合成：{backend}",
    ),
    "judge_is_tagger": (
        "The head that judges is the head that tagged: this shows that the path holds together, not that a "
        "person would agree.",
        "评判用的模型就是标注用的模型：这只说明流程前后一致，不代表人耳也会同意。",
    ),
    "bank_synthetic": ("This voice’s clips are synthetic.", "该声音的片段是合成的。"),
    "result_stale": (
        "You have changed something since; say it again to bring this up to date.",
        "之后又有修改；请再次重说以更新结果。",
    ),
    # --- step 4
    "step_save": ("4 · Save", "4 · 保存"),
    "make_files": ("Make the files", "生成文件"),
    "files": (
        "Files to download (gone when this page is closed)",
        "可下载的文件（关闭页面即删除）",
    ),
    "files_hint": (
        "The report page, the audio, the timeline and the transcript in every format.",
        "报告页、音频、时间线，以及各种格式的文稿。",
    ),
    "left_out": ("Not made: {name} ({reason})", "未生成：{name}（{reason}）"),
    # --- what went wrong
    "bad_value": (
        "A field held something that this page does not send; reload the page and enter it again.",
        "有一栏的内容不是本页面发送的；请刷新页面后重新填写。",
    ),
    "bad_choice": (
        "{value} is not among what is offered: {offered}.",
        "{value} 不在可选项中：{offered}。",
    ),
    "bad_number": ("A field needs a number.", "有一栏需要填写数字。"),
    "number_outside": (
        "{value} is outside of what the field takes; give a number from {low} to {high}.",
        "{value} 超出该栏的范围；请填写 {low} 到 {high} 之间的数字。",
    ),
    "too_long": (
        "A text is longer than the {most} characters that a field takes; shorten it.",
        "文字超过一栏允许的 {most} 个字符；请缩短。",
    ),
    "no_session": (
        "The request does not say which open page it belongs to; use the page itself.",
        "请求没有说明属于哪个打开的页面；请使用页面本身。",
    ),
    "voice_consent_missing": (
        "This voice was not opened: tick the line above the button “Analyse” first, which says that its "
        "owner has agreed.",
        "尚未打开该声音：请先勾选“分析”按钮上方的那一行，确认声音的主人已同意。",
    ),
    "sure": ("Yes, delete it for good", "是的，永久删除"),
    "sure_missing": (
        "Nothing was deleted: tick the line beside the button first.",
        "尚未删除：请先勾选按钮旁边的那一行。",
    ),
    "no_recording": (
        "There is no recording yet: record one, upload a file, or try the sample.",
        "还没有录音：请录制、上传文件，或试用示例。",
    ),
    "not_analysed": ("Analyse a recording first.", "请先分析一段录音。"),
    "no_voice": (
        "No voice is chosen: choose the sample voice, or give the path of a reference bank.",
        "还没有选择声音：请选择示例声音，或填写参考音库的路径。",
    ),
    "nothing_to_say": (
        "Not one segment has words, so there is nothing to say again; choose a Whisper model and analyse "
        "again, or write the words into the table.",
        "没有一个片段有文字，无法重说；请选择 Whisper 模型后重新分析，或在表格中填写文字。",
    ),
    "not_of_this_page": (
        "The file did not come from this page; upload it again.",
        "该文件不是从本页面上传的；请重新上传。",
    ),
    "busy": (
        "This page is at work; wait until it is done, or press “Stop”.",
        "正在处理；请等待完成，或点击“停止”。",
    ),
    "closed": (
        "This page lost its connection and its content was deleted; reload it to go on.",
        "页面连接已断开，内容已删除；请刷新页面后继续。",
    ),
    "stopped": ("Stopped.", "已停止。"),
    "unexpected": (
        "Something unexpected went wrong ({kind}); the details are in the program’s log.",
        "发生了意外错误（{kind}）；详情见程序日志。",
    ),
    "take_line": ("take {number} · {clip} · {told}", "第 {number} 次 · {clip} · {told}"),
    "ready_sample": (
        "The sample is loaded: a synthetic speaker and a synthetic voice. Whisper mishears such a voice more "
        "often than a person’s.",
        "已载入示例：合成的说话人和合成的声音。Whisper 听这种声音比听真人更容易出错。",
    ),
    # --- requests that are refused
    "request_name": (
        "This page is not served under the name {name}, so the request was refused; open it by its address, "
        "or name it with --allow-host.",
        "本页面不以 {name} 这个名称提供服务，请求已被拒绝；请用其地址打开，或用 --allow-host 添加该名称。",
    ),
    "request_origin": (
        "The request came from another page ({origin}), so it was refused; open this page itself, or, if "
        "that is the address of your own proxy, name it with --allow-host.",
        "请求来自其他页面（{origin}），已被拒绝；请直接打开本页面；如果那是您自己的代理地址，"
        "请用 --allow-host 添加。",
    ),
    "request_file_too_large": (
        "The file is larger than the {limit} that this page takes; start it with a larger --max-upload, or "
        "cut the recording into parts.",
        "文件超过本页面允许的 {limit}；请用更大的 --max-upload 启动，或把录音切成几段。",
    ),
    "request_too_large": (
        "The request is larger than anything this page asks for, so it was refused; reload the page.",
        "请求过大，已被拒绝；请刷新页面。",
    ),
    "request_disk_full": (
        "The disk is full, so the file could not be taken; make room and upload it again.",
        "磁盘已满，无法接收文件；请清理空间后重新上传。",
    ),
}

TEXTS: Mapping[str, Sentence] = MappingProxyType(
    {
        key: Sentence(en, zh)
        for table in (_TABLE, SETTING_TEXTS, training.TABLE, banks.TABLE)
        for key, (en, zh) in table.items()
    }
)
"""Key -> sentence; fields in braces are filled by `say`."""


def filled(key: str, **fields: object) -> Sentence:
    """Return one sentence of the page in both languages, with its fields filled in."""
    known = TEXTS[key]
    return Sentence(known.en.format(**fields), known.zh.format(**fields))


def say(key: str, language: str, **fields: object) -> str:
    """Return one sentence of the page with its fields filled in.

    Examples:
        >>> say("segment_title", "en", number=2, n=5, start="0:03.1", end="0:04.9")
        'Segment 2 of 5 · 0:03.1–0:04.9'
    """
    return TEXTS[key].say(language).format(**fields)


def language_of_browser(accept_language: str | None) -> str:
    """Return ``"zh"`` when a browser asks for Chinese before English, else ``"en"``.

    Examples:
        >>> language_of_browser("zh-CN,zh;q=0.9,en;q=0.8"), language_of_browser("de,en;q=0.5,zh;q=0.1")
        ('zh', 'en')
    """
    wishes: list[tuple[float, str]] = []
    for part in (accept_language or "").split(","):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            weight = 0.0
        wishes.append((-weight, tag.split("-")[0].casefold()))
    for _, tag in sorted(wishes, key=lambda query: query[0]):
        if tag in LANGUAGES:
            return tag
    return "en"


_FIELDS = {
    "--encoding": "encoding",
    "--directions say": "directions",
    "--language": "spoken_language",
}
_OPTION = re.compile(rf" ?(?P<option>{'|'.join(_FIELDS)})(?![\w-]) ?")


def on_page(sentence: str, language: str) -> str:
    """Return a sentence that names options of the command line with the names of the page's own fields.

    Examples:
        >>> on_page("if letters are wrong, name its encoding with --encoding", "en")
        'if letters are wrong, name its encoding with “Encoding of the file of words”'
    """

    def named(found: re.Match[str]) -> str:
        shown = f"“{say(_FIELDS[found['option']], language)}”"
        if language == "zh":
            return shown
        begin, end = (" " if found[0][place] == " " else "" for place in (0, -1))
        return f"{begin}{shown}{end}"

    return _OPTION.sub(named, sentence)


def sentence_of(error: EmotionError, language: str) -> str:
    """Return an error's sentence, in the page's language where it has been written in it."""
    return on_page(error.say(language), language)
