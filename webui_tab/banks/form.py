"""The fields of the page of voices, and its sentences: key -> English, Chinese. No Gradio here.

`webui_tab.settings` says what is made of a field, `webui_tab.texts.say` says the sentences.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from webui_tab.controls import Control, Suggestions, shown_as, texts_of

__all__ = ["TABLE", "SourceForm"]


@dataclass(frozen=True, slots=True)
class SourceForm:
    """Which voice is meant.

    Attributes:
        bank_source: Folder, list or recording, as a person wrote it.
        bank_transcribe: Whether clips without text are written down.
        bank_consent: Whether the line about consent is ticked.
    """

    bank_source: str = field(
        default="",
        metadata=shown_as(
            Suggestions(
                label=("Folder, list or recording", "文件夹、列表或录音"),
                info=(
                    "logs/<experiment> of GPT-SoVITS, a .list, a folder of clips (a folder per emotion, "
                    "or names that begin with it), an infer_config.json, or one long recording, which is "
                    "cut at its pauses.",
                    "GPT-SoVITS 的 logs/<实验名>、.list、音频文件夹（按情感分子文件夹，或文件名以情感开头）、"
                    "infer_config.json，或一段长录音（在停顿处切开）。",
                ),
                place="source",
            )
        ),
    )
    bank_transcribe: bool = field(
        default=True,
        metadata=shown_as(
            Control(
                label=("Write down clips without text", "转写没有文本的片段"),
                place="source",
            )
        ),
    )
    bank_consent: bool = field(
        default=False,
        metadata=shown_as(
            Control(
                label=(
                    "The speaker has agreed that this voice is listened to, cloned, and copied where I say.",
                    "该说话人同意对其声音进行情感分析、克隆，并由我复制到指定位置。",
                ),
                place="source",
                consent=True,
            )
        ),
    )


TABLE = {
    **texts_of(SourceForm),
    "bank_wanted": ("Emotion wanted", "想要的情感"),
    "bank_text": ("What will be said", "要说的话"),
    "bank_text_info": (
        "A tag goes before the choice on the left: [happy] How nice!",
        "文本中的标记优先于左边的选择：[开心]太好了！",
    ),
    "bank_format": ("Format", "格式"),
    "bank_to": ("New folder", "新文件夹"),
    "page_banks": ("Voices", "参考音库"),
    # --- building
    "bank_step_source": ("1 · The voice's clips", "1 · 声音素材"),
    "bank_lead": (
        "Every clip is listened to: which emotion, how sure, how clean, the same speaker or not. Nothing of "
        "yours is changed; what was heard is kept in one small file beside the clips.",
        "逐条聆听：是什么情感、有多确定、录音是否干净、是否同一个人。不会改动您的任何文件；"
        "结果保存在片段旁边的一个小文件里。",
    ),
    "bank_build": ("Listen to the clips", "聆听并建库"),
    "bank_open": ("Open as it is", "直接打开"),
    "bank_no_source": (
        "No voice is named: write the path of a folder, a list or a recording.",
        "还没有填写声音：请填写文件夹、列表或录音的路径。",
    ),
    "bank_consent_missing": (
        "Tick the line about consent first: whose voice this is must have agreed.",
        "请先勾选同意一栏：声音的主人必须同意。",
    ),
    "bank_api_consent_missing": (
        "nothing was read: say with the second value, true, that whose voice this is has agreed",
        "尚未读取：请将第二个值设为 true，确认声音的主人已同意",
    ),
    "bank_built": (
        "{voice}: {usable} of {n} clips can be used; head {head}.",
        "{voice}：{n} 个片段中 {usable} 个可用；情感模型 {head}。",
    ),
    "bank_opened": (
        "{voice}: {usable} of {n} clips can be used; no head has listened to them yet.",
        "{voice}：{n} 个片段中 {usable} 个可用；尚未聆听情感。",
    ),
    # --- what it taught
    "bank_forget": ("Forget what this voice taught the head", "忘记从该音色学到的内容"),
    "bank_learn": ("Let this voice teach the head", "允许情感模型学习该音色"),
    "bank_taught_nothing": (
        "This voice has taught no head. Clips that carry your own labels do when they are listened to.",
        "情感模型没有学习该音色。聆听时，您自己标注的片段会用于适配。",
    ),
    "bank_forgotten": (
        "Forgotten, and it will not be learned again. Listen to the clips again to judge them without it.",
        "已忘记，之后也不再学习。要重新判断各片段，请再次聆听。",
    ),
    "bank_may_teach": (
        "It may teach. Listen to the clips again, and the head is fitted to this voice.",
        "已允许。再次聆听片段后，情感模型会适配该音色。",
    ),
    # --- what it holds
    "bank_step_holds": ("2 · What this voice can say", "2 · 这个声音能表达什么"),
    "bank_shown": ("Emotion", "情感"),
    "bank_all": ("all", "全部"),
    "bank_clip": ("Clip", "片段"),
    "bank_player": ("Listen", "试听"),
    "bank_pin": ("Always take this clip for this emotion", "该情感固定使用此片段"),
    "bank_unpin": ("Let the program choose", "由程序选择"),
    "bank_pinned": ("{label}: always {clip}.", "{label}：固定使用 {clip}。"),
    "bank_unpinned": ("{label}: the program chooses.", "{label}：由程序选择。"),
    "bank_none_open": ("Open or build a voice first.", "请先打开或建立一个音库。"),
    "bank_no_clip": ("Choose a clip first.", "请先选择一个片段。"),
    "bank_more": ("{n} more are not shown; choose an emotion.", "另有 {n} 个未显示；请选择情感。"),
    "bank_col_clip": ("clip", "片段"),
    "bank_col_emotion": ("emotion", "情感"),
    "bank_col_sure": ("sure", "把握"),
    "bank_col_length": ("length", "时长"),
    "bank_col_noise": ("over noise", "信噪比"),
    "bank_col_alike": ("same voice", "同一声音"),
    "bank_col_text": ("text", "文本"),
    "bank_col_remark": ("remark", "备注"),
    "bank_default": ("default clip", "默认片段"),
    "bank_filed": ("filed so", "人工归类"),
    # --- choosing
    "bank_step_choose": ("3 · Which clip would be taken", "3 · 会选哪个片段"),
    "bank_choose": ("Show the choice", "查看选择"),
    "bank_use": ("Speak with this voice", "用这个声音说话"),
    # --- giving away
    "bank_step_export": ("4 · For other programs", "4 · 导出给其他程序"),
    "bank_export": ("Copy the clips there", "复制到该文件夹"),
    "bank_exported": ("Written: {path}", "已写入：{path}"),
    "bank_no_folder": ("Write the path of a new folder.", "请填写新文件夹的路径。"),
}
"""Key -> English, Chinese."""
