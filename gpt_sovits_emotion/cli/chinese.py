"""Help in Chinese: what each command does. The options stand in `chinese_options`.

Kept by name, not by the English sentence, so that a reworded sentence does not lose its translation; a test
sees that nothing is missing and nothing is left over.
"""

from __future__ import annotations

import click

from gpt_sovits_emotion.cli.chinese_options import OPTIONS

__all__ = ["COMMANDS", "help_of_option", "speak"]

COMMANDS = {
    "": "聆听录音，标注每一段的情感，再以同样的情感重新说出来。\n\n"
    "一切都在本机运行。请只分析已经同意的人的录音。\n\n"
    "退出码：0 全部完成，1 全部失败，2 参数有误，3 部分完成（有录音失败或有段落未能合成），130 被 "
    "Ctrl-C 停止。",
    "annotate": "识别 FILES 的文字，并标注每一段的情感。\n\n"
    "任何音频，或带声音的视频。结果写到标准输出，用 --out 时写入文件：talk.wav 的结果为 talk.json；"
    "同名录音的结果为 talk.wav.json 和 talk.mp3.json，或带文件夹 a/talk.json 和 b/talk.json。\n\n"
    "退出码：0 全部完成，3 部分录音失败，1 全部失败。",
    "roundtrip": "逐段重新说出 FILE，每段使用其中听到的情感。\n\n"
    "用 --api 时，声音来自正在运行的 GPT-SoVITS 服务所加载的音色；否则为 eSpeak NG，"
    "按所选参考片段的音高、音域、语速和响度发声：它只展示流程，并不克隆音色。\n\n"
    "退出码：0 所有有文字的段落都已合成，3 部分未能合成，1 全部未能合成。",
    "say": '用 BANK 的片段说出每个 TEXT，情感写在文字开头："[happy] What a day!"。\n\n'
    "标签可写作 [happy]、【开心】、(happy) 或 <|HAPPY|>。用 --api 时，声音来自正在运行的 GPT-SoVITS 服务"
    "所加载的音色；否则为 eSpeak NG，它不克隆任何人。\n\n"
    "退出码：0 全部说出，3 部分未能说出，1 全部未能说出。",
    "demo": "用随程序提供的样例运行完整流程。\n\n"
    "样例的说话人和音库都是合成的（eSpeak NG）；各个引擎都是真实的，包括负责识别的 Whisper base，"
    "它对这样的说话人比对真人更容易听错。",
    "refs": "构建音色的参考片段音库，查看其内容，并从中选择。\n\n"
    "BANK 是 'refs build' 所指的内容，或其他工具制作的音库：每种情感一个文件夹、infer_config.json、"
    "名为【标签】文字.wav 或 标签_文字.wav 的片段、.list、片段文件夹。",
    "refs build": "聆听 SOURCE 的每个片段，并把结果写在旁边。\n\n"
    "SOURCE 可以是 GPT-SoVITS 训练的 logs/<名称>（情感模型读取 hubert:12 时使用其中保存的 HuBERT 特征）、"
    ".list、带或不带文字的片段文件夹、其他工具的音库，或一段长录音（在停顿处切成 3 到 10 秒的片段）。\n\n"
    "您的文件只会被读取。中断的构建再次运行时会继续；已完成的只聆听有变化的片段。",
    "refs choose": "按情感和文字为 BANK 的片段排序，并说明理由。",
    "refs coverage": "显示 BANK 有哪些情感、各多少秒、把握多大，以及缺少的由什么替代。",
    "refs export": "把 BANK 的可用片段复制到新文件夹，格式可供其他工具读取。",
    "refs list": "列出 BANK 的片段：情感、把握、时长、语言、文字，以及各自的问题。",
    "refs pin": "指定 BANK 的哪个 CLIP 用于 EMOTION，不论排序如何。",
    "heads": "查看、检查、添加和删除负责标注的情感模型。",
    "heads add": "检查一个情感模型（文件夹或其 zip），并复制到您的模型文件夹。\n\n"
    "用 --heads-dir 时复制到其中第一个文件夹。来自笔记本的模型（head.pt 和 head.yaml）会改写为 safetensors。",
    "heads check": "检查情感模型：形状、数值、卡片、校验样例。不指定名称时检查找到的全部。",
    "heads export": "把情感模型从其文件夹中复制出来，以便交给别人。",
    "heads list": "列出找到的每个情感模型；不能使用的附上原因。",
    "heads remove": "从模型文件夹中删除一个情感模型。",
    "heads show": "显示情感模型的卡片：标签、训练数据、许可、测量结果。",
    "train": "训练一个情感模型，在它没见过的说话人上测量，并放入模型文件夹。\n\n"
    "特征会保留，因此中断的训练可以继续。按一次 Ctrl-C 保留目前最好的结果，按两次则什么都不保留；"
    "两种情况的退出码都是 130。\n\n"
    "gpt-sovits-emotion train --recipe emodb\n\n"
    "gpt-sovits-emotion train --corpus mine=recordings --encoder whisper-base:1-4\n\n"
    "gpt-sovits-emotion train --corpus mine=recordings --encoder hubert:6 --checkout ~/GPT-SoVITS",
    "evaluate": "在没有参与训练的说话人上测量一个配方或现成的情感模型。\n\n"
    "输出 UAR 和准确率（附按说话人计算的 95 % 区间）、召回率、混淆矩阵、校准误差、保持沉默的收益和开销；"
    "--json 和 --page 把全部内容连同图写成文件。\n\n"
    "例如：evaluate --corpus emodb=DIR --baseline opensmile；evaluate --corpus nemo=DIR --head "
    "prosody-emodb；"
    "evaluate --corpus emodb=DIR --corpus nemo=DIR --protocol cross。",
    "adapt": "让情感模型适配一位说话人，只使用该人的 CLIPS。\n\n"
    "CLIPS 可以是音频文件、音频文件夹、每种情感一个文件夹、.list、参考音库，或 GPT-SoVITS 的 logs/<名称>。"
    "五个无标注片段就有帮助；每种情感三个标注片段最有帮助。情感模型本身不变：学到的内容保存在该说话人自己的文件中，"
    "用 'annotate --speaker NAME' 使用，用 'speakers show' 查看，用 'speakers forget' 删除。\n\n"
    "退出码：0 所有片段都能读取，3 跳过了部分片段。",
    "speakers": "查看、撤回和删除情感模型学到的说话人信息（见 adapt）。",
    "speakers forget": "删除对某位说话人学到的内容，适用于所有情感模型；用 --all 删除所有人的。\n\n"
    "被删除的音色的音库不再用于适配，直到对它运行 'refs build --learn'。",
    "speakers list": "列出当前用户的所有说话人档案，包括所有情感模型的。",
    "speakers show": "逐个片段显示某个情感模型对一位说话人学到的内容。",
    "speakers undo": "撤回最后添加的标注片段，并在没有它们的情况下重新学习。",
    "corpora": "查看带标注的语音语料，并下载任何人都可以获取的语料。",
    "corpora get": "从制作者的地址下载语料；中断的下载会继续。",
    "corpora list": "列出可按原样读取的语料及其许可。",
    "corpora show": "显示程序如何理解语料：标签、说话人、许可，以及其中的问题。\n\n"
    "NAME 表示是哪个已知语料（emodb=DIR），或给其他语料起的名字；只写 DIR 时自动判断。",
    "corpora unpack": "把 Parquet 文件形式的语料变成带 manifest.csv 的音频文件夹。\n\n"
    "其他命令可以直接读取 Parquet 文件，并把音频保存在特征旁边。",
    "web": "在浏览器中打开页面，只在本机提供（127.0.0.1），除非用 --host 指定其他地址。",
    "launch": "启动带有本页的 GPT-SoVITS；不安装也不写入任何内容。Ctrl-C 结束全部。\n\n"
    "-- 之后的内容会原样传递，例如语言：launch --checkout GPT-SoVITS -- zh_CN",
    "install": "把本页装入 GPT-SoVITS 的推理页面，不论它如何启动。",
    "uninstall": "把本页从 GPT-SoVITS 中移除，并逐字节恢复原样。",
    "plugins": "列出编码器、后端、识别器、音库结构、语料和文稿格式：哪些是本程序的，哪些来自其他软件包，"
    "以及哪些有故障。\n\n"
    "有故障的插件时退出码为 1。",
    "doctor": "说明 GPT-SoVITS 的安装中哪些正常、哪些不正常，以及修复的命令。\n\n"
    "不做任何改动。有妨碍 GPT-SoVITS 或本页的故障时退出码为 1。",
}


def help_of_option(words: str, option: str) -> str | None:
    """Return the Chinese help of an option: of this command, or of whichever has an option of the name.

    Args:
        words: The command's name, such as ``refs build``.
        option: The option's first name, such as ``--out``.
    """
    return OPTIONS.get(f"{words} {option}".strip(), OPTIONS.get(option))


def speak(command: click.Command, words: str, language: str) -> None:
    """Give a command and its options their help in a language; what has no Chinese stays English.

    Args:
        command: The command.
        words: Its whole name, without the program's.
        language: ``en`` or ``zh``.
    """
    english = _english.setdefault(id(command), command.help)
    command.help = COMMANDS.get(words, english) if language == "zh" else english
    for option in command.params:
        if isinstance(option, click.Option):
            english = _english.setdefault(id(option), option.help)
            found = help_of_option(words, option.opts[0])
            option.help = found if language == "zh" and found and english else english


_english: dict[int, str | None] = {}  # by identity: commands are there as long as the program
