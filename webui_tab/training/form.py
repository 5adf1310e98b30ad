"""The fields of the training page, and its sentences: key -> English, Chinese. No Gradio here.

`webui_tab.settings` says what is made of a field, `webui_tab.texts.say` says the sentences.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from webui_tab.controls import Control, Line, Suggestions, shown_as, texts_of

__all__ = ["TABLE", "CorporaForm", "HeadForm", "SpeakerForm"]


@dataclass(frozen=True, slots=True)
class CorporaForm:
    """Which corpora are meant.

    Attributes:
        train_corpora: One a line, as a person names them.
        train_labels: Emotions, with commas between them; "" for all.
        train_consent: Whether the line that they may be used is ticked.
    """

    train_corpora: str = field(
        default="",
        metadata=shown_as(
            Line(
                label=("Corpora, one per line: NAME=FOLDER", "语料库，每行一个：名称=文件夹"),
                info=(
                    "Several speakers are needed. A folder per emotion, a manifest.csv, a .list with its "
                    "emotions, or a known corpus as it is distributed (emodb, ravdess, crema-d, esd, …).",
                    "需要多个说话人。支持：每种情感一个文件夹、manifest.csv、带情感的 .list，"
                    "或按原样解压的已知语料库（emodb、ravdess、crema-d、esd……）。",
                ),
                place="corpora",
                layout={
                    "lines": 3,
                    "max_lines": 12,
                    "placeholder": "emodb=/data/emodb\nmine=/data/my-recordings",
                },
            )
        ),
    )
    train_labels: str = field(
        default="",
        metadata=shown_as(
            Line(
                label=("Emotions (blank: all)", "情感（留空为全部）"),
                info=("Separated by commas.", "用逗号分隔。"),
                place="labels",
                layout={"placeholder": "angry, sad", "min_width": 200},
            )
        ),
    )
    train_consent: bool = field(
        default=False,
        metadata=shown_as(
            Control(
                label=(
                    "I may read these recordings and train on them: who speaks in them has agreed, or "
                    "their licence allows it.",
                    "我有权读取这些录音并用于训练：其中说话的人已同意，或其许可允许。",
                ),
                place="corpora",
                consent=True,
            )
        ),
    )


@dataclass(frozen=True, slots=True)
class HeadForm(CorporaForm):
    """Which head is to be trained on them.

    Attributes:
        train_encoder: Id of the encoder.
        train_name: Id of the head.
        train_replace: Whether a head of this id may be replaced.
    """

    train_encoder: str = field(
        default="prosody",
        metadata=shown_as(
            Suggestions(
                label=("Encoder that it reads", "读取的编码器"),
                info=(
                    "prosody needs no model; whisper-base:1-4 reads layers of a Whisper that is on this "
                    "machine. Inside GPT-SoVITS also hubert:6, hubert:4-9, sovits.style, "
                    "sovits.posterior, and several joined by +.",
                    "prosody 不需要模型；whisper-base:1-4 读取本机 Whisper 的若干层。在 GPT-SoVITS "
                    "中还可用 hubert:6、hubert:4-9、sovits.style、sovits.posterior，或用 + 连接多个。",
                ),
                place="head",
                first="prosody",
                layout={"min_width": 280},
            )
        ),
    )
    train_name: str = field(
        default="my-head",
        metadata=shown_as(
            Line(
                label=("Name of the head", "模型名称"),
                info=(
                    "Small letters, digits and hyphens.",
                    "小写字母、数字和连字符。",
                ),
                place="head",
                layout={"min_width": 200},
            )
        ),
    )
    train_replace: bool = field(
        default=False,
        metadata=shown_as(
            Control(
                label=("Replace a head of this name", "替换同名模型"),
                place="replace",
            )
        ),
    )


@dataclass(frozen=True, slots=True)
class SpeakerForm:
    """Whom a head is to be fitted to.

    Attributes:
        speaker_name: How the speaker is called.
        speaker_consent: Whether the line about consent is ticked.
    """

    speaker_name: str = field(
        default="",
        metadata=shown_as(
            Suggestions(
                label=("Name of the speaker", "说话人名称"),
                place="speaker",
            )
        ),
    )
    speaker_consent: bool = field(
        default=False,
        metadata=shown_as(
            Control(
                label=(
                    "This person has agreed that numbers describing their voice are kept on this machine. "
                    "They are kept in my user folder, readable by me alone, are sent nowhere, and go when "
                    "I press “Forget”.",
                    "此人已同意在本机保存描述其声音的数值。这些数值保存在我的用户文件夹中，只有我可读，"
                    "不会发送到任何地方；点击“忘记”即删除。",
                ),
                place="speaker",
                consent=True,
            )
        ),
    )


TABLE = {
    **texts_of(HeadForm, SpeakerForm),
    "page_train": ("Train heads", "训练 Heads"),
    # --- corpora
    "train_step_corpora": ("1 · Labelled recordings", "1 · 带标签的录音"),
    "train_look": ("Look", "查看"),
    "train_consent_missing": (
        "Nothing was read: tick the line below the corpora first, which says that you may.",
        "尚未读取：请先勾选语料库下方的那一行，确认您有权使用。",
    ),
    "train_fetch": ("Fetch EmoDB (about 50 MB)", "下载 EmoDB（约 50 MB）"),
    "train_fetched": ("EmoDB lies in {folder}.", "EmoDB 已在 {folder}。"),
    "train_no_corpora": (
        "No corpus is named: write a line such as  emodb=/path/to/emodb  for each.",
        "还没有填写语料库：每行填写一个，例如  emodb=/path/to/emodb。",
    ),
    "train_column_corpus": ("Corpus", "语料库"),
    "train_column_written": ("As written", "原标签"),
    "train_column_label": ("Becomes", "对应情感"),
    "train_column_clips": ("Clips", "片段"),
    "train_column_speakers": ("Speakers", "说话人"),
    "train_licence": ("{corpus} · licence: {licence}", "{corpus} · 许可：{licence}"),
    "train_non_commercial": ("not for commercial use", "不得用于商业用途"),
    # --- encoder and head
    "train_step_head": ("2 · The head", "2 · 情感模型（Head）"),
    "train_bad_name": (
        "{name!r} cannot be the name of a head: use small letters, digits and hyphens, such as my-head.",
        "{name!r} 不能作为模型名称：请使用小写字母、数字和连字符，例如 my-head。",
    ),
    "train_start": ("Train", "开始训练"),
    "train_stop": ("Stop, keep the best so far", "停止，保留目前最好的结果"),
    "train_busy": (
        "A head is being trained already ({head}); only one is trained at a time. Wait until it is done, or "
        "stop it below.",
        "正在训练另一个模型（{head}）；同一时间只训练一个。请等待完成，或在下方停止。",
    ),
    "train_hint": (
        "Training goes on when this page is closed; whoever opens it next sees it here and can stop it. It "
        "waits while GPT-SoVITS speaks. The recordings are read where they lie; nothing is sent anywhere.",
        "关闭页面后训练会继续；之后打开的页面可在此看到并停止它。GPT-SoVITS 合成时训练会等待。"
        "录音在原处读取，不会发送到任何地方。",
    ),
    # --- while it trains
    "train_none": ("No training is under way.", "当前没有训练。"),
    "train_under_way": ("Training {head}", "正在训练 {head}"),
    "train_beginning": ("reading the corpora", "正在读取语料库"),
    "train_stopping": ("stopping, with the best so far", "正在停止，保留目前最好的结果"),
    "train_waiting": ("waiting while GPT-SoVITS speaks", "GPT-SoVITS 正在合成，等待中"),
    "train_loss": ("Loss", "损失"),
    "train_held_out": (
        "Recall on held-out speakers (UAR)",
        "留出说话人的召回率（UAR）",
    ),
    "train_ended": (
        "The training was given up because the server ended.",
        "服务已结束，训练已放弃。",
    ),
    "train_voice_switched": (
        "Another voice was loaded in GPT-SoVITS while its encoder was read, so the features would be a "
        "mixture of two; nothing was written. Train again and leave the voice as it is.",
        "读取编码器期间，GPT-SoVITS 切换了声音，特征会来自两个不同的模型；未写入任何内容。"
        "请重新训练，期间不要切换声音。",
    ),
    # --- its result
    "train_done": (
        "{head} is installed and can be chosen on the first page.",
        "{head} 已安装，可在第一页选用。",
    ),
    "train_use": ("Choose it on the first page", "在第一页选用"),
    "train_remove": ("Remove it", "删除该模型"),
    "train_removed": ("{head} is removed.", "已删除 {head}。"),
    "train_nothing_to_remove": (
        "There is no head of this page to remove.",
        "没有可由本页删除的模型。",
    ),
    "train_card_trained_on": ("Trained on", "训练语料"),
    "train_card_encoder": ("Encoder", "编码器"),
    "train_card_licence": ("Licence", "许可"),
    "train_card_calibrated_on": ("Calibrated on", "校准依据"),
    "train_card_recording": ("Recordings", "整段录音"),
    "train_card_moving": (
        "judged against the speaker's own mean as far as several moods are heard",
        "听出的情绪越多样，越以说话人自己的均值为基准",
    ),
    "train_card_farthest": ("Unlike the training", "与训练数据不同"),
    "train_card_unlike": (
        "unsure from {distance} times the usual distance on",
        "距离超过通常的 {distance} 倍时，标为不确定",
    ),
    "train_card_none": (
        "Nothing was measured.",
        "没有测量结果。",
    ),
    "train_mode_global": ("as anybody", "通用"),
    "train_mode_speaker": ("against the speaker’s own usual", "以说话人平时为基准"),
    "train_measured": ("Measured", "测试方式"),
    "train_uar": ("UAR (95 % interval)", "UAR（95% 区间）"),
    "train_wa": ("Accuracy (95 % interval)", "准确率（95% 区间）"),
    "train_ece": ("Calibration error", "校准误差"),
    "train_calibration_note": (
        "Calibration error: how far a stated certainty lies from how often it is right; under 5 % is good.",
        "校准误差：标出的把握与实际正确率之间的差距；低于 5% 为好。",
    ),
    "train_clips_speakers": (
        "{clips} clips, {speakers} speakers",
        "{clips} 个片段，{speakers} 位说话人",
    ),
    "train_confusion": (
        "Rows: what it was. Columns: what the head heard.",
        "行：实际情感；列：模型听到的。",
    ),
    "train_recall": ("Recall of each emotion", "各情感的召回率"),
    # --- one speaker
    "speaker_step": ("3 · One speaker", "3 · 单个说话人"),
    "speaker_lead": (
        "Fit a head to one person from the segments on the first page: emotions that you corrected there "
        "count as labelled, the others show how this person usually sounds. The head itself stays as it is; "
        "what is learned can be chosen under “Speaker” in the settings of the first page.",
        "用第一页的片段让模型适应某一个人：在那里改正过的情感作为标签，其余片段用来了解此人平时的声音。"
        "模型本身不变；学到的内容可在第一页设置的“说话人”中选用。",
    ),
    "speaker_consent_missing": (
        "Nothing was learned: tick the line above first, which says that this person has agreed.",
        "尚未学习：请先勾选上方的那一行，确认此人已同意。",
    ),
    "speaker_learn": ("Learn from the first page", "从第一页学习"),
    "speaker_undo": ("Take the last lesson back", "撤销上一次学习"),
    "speaker_forget": ("Forget this speaker", "忘记此人"),
    "speaker_no_name": (
        "Give the speaker a name first.",
        "请先填写说话人名称。",
    ),
    "speaker_unknown": (
        "Nothing was learned of {speaker} with the head {head}.",
        "模型 {head} 没有学过 {speaker}。",
    ),
    "speaker_nothing_heard": (
        "No segment of the first page can be learned from: analyse a recording there first.",
        "第一页没有可供学习的片段：请先在那里分析一段录音。",
    ),
    "speaker_taught_already": (
        "All segments of this recording have been learned from, and no further emotion was corrected since.",
        "这段录音的片段都已学过，之后也没有新的改正。",
    ),
    "speaker_too_few": (
        "Kept, but {n} segments are too few to learn from: {least} are needed, best in several moods.",
        "已保存，但只有 {n} 个片段，不足以学习：至少需要 {least} 个，最好包含多种情绪。",
    ),
    "speaker_forgotten": (
        "What was learned of {speaker} is deleted.",
        "已删除关于 {speaker} 学到的全部内容。",
    ),
    "speaker_undone": (
        "The last lesson was taken back.",
        "已撤销上一次学习。",
    ),
    "speaker_other_label": (
        "Segment {number} is corrected to {label}, which the head {head} does not know, so it counts without "
        "its emotion.",
        "第 {number} 段改正为“{label}”，模型 {head} 没有这种情感，因此只作无标签片段使用。",
    ),
}
