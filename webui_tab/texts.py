"""Every sentence of the page, in English and Chinese, as one table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gpt_sovits_emotion.core.records import Sentence
from webui_tab.banks import texts as banks
from webui_tab.door import texts as door
from webui_tab.training import texts as training

__all__ = ["LANGUAGES", "SPOKEN_LANGUAGES", "TEXTS", "language_of_browser", "say"]

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
    "encoding": ("Encoding of the file of words", "文字文件的编码"),
    "encoding_info": (
        "Found out by itself; name it, such as gb18030 or big5, if letters come out wrong.",
        "会自动判断；如果文字有误，请在此指定，如 gb18030、big5。",
    ),
    "encoding_auto": ("found out", "自动判断"),
    "directions": (
        "Say stage directions, ♪ and speakers’ names too",
        "也朗读舞台指示、♪ 和说话人名字",
    ),
    "directions_info": (
        "[door slams], (laughs), （叹气）, dashes and “MIKE:” in the words; left out, a line says which.",
        "文字中的 [door slams]、(laughs)、（叹气）、破折号和“MIKE:”；不朗读时会列出。",
    ),
    "words_file": ("the file {name}", "文件 {name}"),
    "try_sample": ("Try the sample", "试用示例"),
    "consent": (
        "I may analyse this recording and use this voice: everyone who speaks in them has agreed. It is done "
        "on the machine that serves this page only, nothing is sent any further, and nothing is kept after "
        "this page is closed unless I save it. How somebody feels is sensitive information.",
        "我有权分析这段录音并使用该声音：其中说话的每个人都已同意。处理只在提供本页面的机器上进行，"
        "不会再发送到任何地方；除非我自己保存，关闭页面后不留下任何内容。情感是敏感信息。",
    ),
    "consent_missing": (
        "Nothing was analysed: tick the line above the button first, which says that everyone who speaks "
        "in the recording has agreed.",
        "尚未分析：请先勾选按钮上方的那一行，确认录音中的每个人都已同意。",
    ),
    "analyse": ("Analyse", "分析"),
    "stop": ("Stop", "停止"),
    "whisper": ("Speech recognition (Whisper model)", "语音识别（Whisper 模型）"),
    "whisper_info": (
        "Or the path of a folder with a faster-whisper model.",
        "也可填写 faster-whisper 模型文件夹的路径。",
    ),
    "whisper_here": ("{name} (on this machine)", "{name}（本机已有）"),
    "whisper_absent": ("{name} (downloaded on first use)", "{name}（首次使用时下载）"),
    "whisper_none": ("none: find the speech, no words", "none：只找出语音，不识别文字"),
    "whisper_auto": (
        "auto: small where it is on this machine, else base",
        "auto：本机有 small 就用 small，否则用 base",
    ),
    "spoken_language": ("Spoken language", "录音语言"),
    "spoken_auto": ("detect", "自动检测"),
    "voice": ("Voice (reference bank)", "声音（参考音库）"),
    "voice_info": (
        "Or the path of a folder with a sub-folder per emotion, or of an infer_config.json.",
        "也可填写音库路径：每种情感一个子文件夹，或 infer_config.json。",
    ),
    "voice_sample": ("sample voice (synthetic)", "示例声音（合成）"),
    "more_settings": ("More settings", "更多设置"),
    "head": ("Emotion head", "情感模型"),
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
    "initial_prompt": ("Text before the first words", "首句之前的文字"),
    "initial_prompt_info": (
        "Whisper goes on in its style and spelling: punctuation, simplified or traditional characters.",
        "Whisper 会沿用其中的写法：标点、简体或繁体。",
    ),
    "hotwords": ("Names and words that are likely to be said", "可能出现的人名和词语"),
    "hotwords_info": (
        "Together with the text above at most 220 tokens: some 150 words, or 110 Chinese characters.",
        "与上面的文字合计最多 220 个词元，约 110 个汉字或 150 个英文单词。",
    ),
    "speaker_statistics": (
        "Judge against this speaker’s own usual, as far as there are several moods (off for a crowd)",
        "以该说话人自己的平时为基准，视录音中情绪是否多样而定（多人录音请关掉）",
    ),
    "smoothing": ("Smoothing over neighbouring segments", "相邻片段平滑"),
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
    "speed": ("Speed", "语速"),
    "temperature": ("temperature", "temperature"),
    "seed": ("Seed (the same seed says it the same way)", "随机种子（相同种子得到相同结果）"),
    "timbre": ("Further clips that set the timbre alone", "只影响音色的附加参考"),
    "timbre_info": (
        "With v1, v2, v2Pro and v2ProPlus: the reference gives the emotion, these clips give the timbre.",
        "适用于 v1、v2、v2Pro、v2ProPlus：参考片段决定情感，这些片段决定音色。",
    ),
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
    "same_voice": (
        "The chosen voice speaks in this recording: judge it against its own bank",
        "录音中说话的就是所选声音：以其音库为基准判断",
    ),
    "takes": ("Takes of each segment", "每个片段的候选数"),
    "takes_info": (
        "With more than one, other clips and seeds are tried too; the take whose emotion and words survive "
        "best is kept, with its numbers.",
        "大于 1 时，会尝试其他片段和随机种子；保留情感和文字留存最好的一个，并列出数字。",
    ),
    "carry": ("The emotion comes from", "情感来自"),
    "carry_info": (
        "The recording itself keeps its very intonation, and the voice's clips give the timbre alone: "
        "v1, v2, v2Pro and v2ProPlus.",
        "用原录音本身可以保留原来的语调，声音的片段只提供音色：适用于 v1、v2、v2Pro、v2ProPlus。",
    ),
    "carry_clip": ("a clip of the voice in that emotion", "该声音中同一情感的片段"),
    "carry_recording": ("the recording itself", "原录音本身"),
    "take_line": ("take {number} · {clip} · {told}", "第 {number} 次 · {clip} · {told}"),
    "ready_sample": (
        "The sample is loaded: a synthetic speaker and a synthetic voice. Whisper mishears such a voice more "
        "often than a person’s.",
        "已载入示例：合成的说话人和合成的声音。Whisper 听这种声音比听真人更容易出错。",
    ),
}

TEXTS: Mapping[str, Sentence] = MappingProxyType(
    {
        key: Sentence(en, zh)
        for table in (_TABLE, training.TABLE, banks.TABLE, door.TABLE)
        for key, (en, zh) in table.items()
    }
)
"""Key -> sentence; fields in braces are filled by `say`."""

SPOKEN_LANGUAGES: Mapping[str, Sentence] = MappingProxyType(
    {
        "zh": Sentence("Chinese", "中文"),
        "en": Sentence("English", "英语"),
        "ja": Sentence("Japanese", "日语"),
        "ko": Sentence("Korean", "韩语"),
        "yue": Sentence("Cantonese", "粤语"),
        "de": Sentence("German", "德语"),
        "fr": Sentence("French", "法语"),
        "es": Sentence("Spanish", "西班牙语"),
        "it": Sentence("Italian", "意大利语"),
        "pt": Sentence("Portuguese", "葡萄牙语"),
        "ru": Sentence("Russian", "俄语"),
    }
)
"""Languages offered by name; any other code that Whisper knows can be typed."""


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
