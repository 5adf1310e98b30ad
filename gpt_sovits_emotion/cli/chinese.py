"""Help in Chinese: what each command does, and each option, by its name or by its command's and its own."""

from __future__ import annotations

import click

__all__ = [
    "COMMANDS",
    "OPTIONS",
    "help_of_option",
    "speak",
]

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


OPTIONS = {
    "--version": "显示版本后退出。",
    "--debug": "显示意外错误的完整堆栈。",
    "--lang": "使用的语言。",
    "--json": "输出 JSON。",
    "--out": "写入文件的文件夹。",
    "--replace": "替换该处已有的同名文件。",
    "--heads-dir": "另一个情感模型文件夹（可重复）。",
    "--models-dir": "存放 faster-whisper 模型的文件夹。",
    "--checkout": "GPT-SoVITS 目录，提供 HuBERT 和 SoVITS；也在其 tools/asr/models 中查找 Whisper。",
    "--offline": "从不下载模型。",
    "--sovits-weights": "该目录中微调过的 SoVITS .pth，用于读取其风格编码器的情感模型。",
    "--whisper-model": "编码器 whisper-… 所读取的 Whisper：faster-whisper 模型文件夹，"
    "或含有这些文件夹的文件夹。"
    "[默认：与识别时的查找方式相同]",
    "--jobs": "进程数。",
    "--cache": "保存特征以便下次使用的文件。[默认：在用户缓存中]",
    "--no-cache": "不保存特征。",
    "--learn": "是否让该音色中您亲自标注的片段适配情感模型（仅本次）。[默认：是，除非音库以 --no-learn 构建]",
    # annotate, roundtrip, say
    "annotate --json": "每个文件输出一个 JSON 对象，一行一个。",
    "annotate --format": "与 --out 一起使用：json、srt、vtt、ass、txt、csv、rich-text，"
    "或插件添加的格式（可重复）。[默认：json]",
    "annotate --skip-done": "与 --out 一起使用：跳过已完成的录音（用于继续）；按录音内容判断，不只看名字。",
    "annotate --replace": "与 --out 一起使用：替换该处已有的结果。",
    "annotate --voice": "说话音色的音库：按其标注片段学到的内容，或与构建音库时得知的该音色平常状态比较来判断"
    "（refs build）。",
    "--whisper": "tiny、base、small、medium、large-v3 等；faster-whisper 模型文件夹；'auto'：本机有 "
    "small 就用 small，"
    "否则 base，再否则下载 small；'none'：只查找语音，不识别文字。",
    "annotate --checkout": "GPT-SoVITS 目录：为需要的情感模型提供 HuBERT 和 SoVITS，也在其 tools/asr/models "
    "中查找 Whisper。",
    "roundtrip --checkout": "GPT-SoVITS 目录：为需要的情感模型提供 HuBERT 和 SoVITS，也在其 tools/asr/models "
    "中查找 Whisper。",
    "--transcriber": "由谁识别文字：faster-whisper，或插件添加的识别器（见 plugins）。",
    "--language": "所说的语言（zh、en 等）；不指定时自动判断。",
    "--chinese": "中文用简体或繁体写出；Whisper 本身会混用。",
    "--initial-prompt": "让 Whisper 沿用其风格和写法的文字。",
    "--hotwords": "可能说到的名字和词语。",
    "--transcript": "从该文件取得文字（.srt、.vtt、.lab、.txt、.list 或本程序的 .json）；'beside' "
    "表示录音旁边的那个。",
    "--encoding": "文本文件的编码，例如 gb18030、big5、shift-jis、euc-kr、cp1251。[默认：自动判断]",
    "--directions": "如何处理文字中的 [door slams]、(laughs)、（叹气）、♪、破折号和说话人名字。",
    "--allow-damaged": "使用损坏或截断的文件中可读的部分。",
    "--max-hours": "拒绝更长的录音。",
    "--head": "负责标注的情感模型。[默认：有 Whisper base 时为 whisper-base-free，否则为 prosody-emodb]",
    "--speaker-statistics": "总是或从不与说话人自己的平常状态比较。[默认：录音看起来有多种情绪时才比较]",
    "--smoothing": "相邻段落的影响程度。",
    "--speaker": "说话的人，当情感模型已适配此人时使用（见 adapt 和 speakers list）。",
    "roundtrip --voice": "音色的参考音库：每种情感一个文件夹，或 infer_config.json。",
    "roundtrip --out": "存放报告、音频和文稿的文件夹。",
    "--judge": "再次聆听的情感模型；与标注时不同的更有说服力。[默认：同一个]",
    "--carry": "由什么承载情感：音色的片段，或以录音本身作为韵律提示、以音色的片段提供音色"
    "（v1、v2、v2Pro 和 v2ProPlus 模型）。",
    "--or-clip": "与 --carry recording 一起使用：段落太短或太长而不能作为提示时用片段代替；否则略过该段。",
    "--scratch": "与 --carry recording 一起使用：合成期间存放录音片段的文件夹；"
    "位于别处的服务须能看到它（--api-folder）。",
    "--same-voice": "录音就是该音库的音色：与构建音库时得知的平常状态比较，并按其标注片段学到的内容判断。",
    "roundtrip --json": "以 JSON 输出报告。",
    "--substitute": "音色缺少某种情感时，允许用最接近的代替。",
    "--order": "在效果相近的片段中如何选择：最好的、随机抽取（--seed），或轮流使用。",
    "--pin": "本次用音色的这个片段表达这种情感（可重复）。",
    "--prosody-from": "另一个音色的音库：由它的片段提供韵律，由本音色的片段提供音色"
    "（v1、v2、v2Pro 和 v2ProPlus 模型）。",
    "--takes": "每段用不同片段和种子合成这么多次，保留情感和文字保持得最好的一次。",
    "--api": "负责发声的 GPT-SoVITS api_v2.py 服务，例如 http://127.0.0.1:9880；不指定时由 eSpeak NG 发声。",
    "--backend": "由谁发声：embedded、api_v2，或插件添加的后端（见 plugins）；有地址时一并写出，"
    "例如 mine+http://127.0.0.1:9000。",
    "--backend-option": "与 --backend 一起使用：该后端的选项（可重复）。",
    "--api-folder": "服务把本机文件夹 HERE 看作 THERE（可重复）；用于另一台机器或容器中的服务。",
    "--timeout": "与 --api 一起使用：一句话最多等待多少秒；在 CPU 上可能要几分钟。",
    "--seed": "第一段的随机种子。",
    "--speed": "大于 1 更快。",
    "--cut": "GPT-SoVITS 如何切分长文本：cut0 不切，cut5 在每个标点处切。",
    "--pause-s": "各部分之间的静音秒数。",
    "--sample-steps": "用于 v3 和 v4 模型。",
    "--timbre": "另外只用于音色的片段（可重复；v1、v2 和 v2Pro 模型）。",
    "say --file": "说出该文本文件的各行，一行一段（'-' 表示标准输入），"
    "或按文稿（.json、.srt、.vtt、.ass）的情感说出其内容。",
    "say --out": "存放报告、音频和字幕的文件夹。",
    "say --emotion": "开头没有标签的文字所用的情感。",
    "say --language": "文字的语言；不指定时按文字判断。",
    "say --judge": "负责聆听的情感模型。[默认：与 annotate 相同]",
    "say --speaker-statistics": "总是或从不与音色的平常状态比较。[默认：文字看起来有多种情绪时才比较]",
    "say --whisper": "本机有该模型时用它检查每次合成的文字；'auto' 用 small，否则 base；'none' 不检查。",
    "say --json": "以 JSON 输出报告。",
    "demo --out": "存放报告、音频和文稿的文件夹。[默认：emotion-demo，其中以前的演示会被替换]",
    # refs
    "refs build --whisper": "为没有文字的片段识别文字：tiny、base、small、medium、large-v3 等，"
    "或文件夹；'auto' 用本机的 "
    "small，否则 base；'none' 不识别。所有片段都有文字时不会加载。",
    "refs build --language": "未注明语言的片段所说的语言（zh、en 等）。",
    "refs build --to": "长录音的片段所放的新文件夹。[默认：旁边的 <名称>.bank]",
    "refs build --clips": "来自别处的 .list 等文件：其片段现在所在的文件夹；会被记住。",
    "refs build --check-texts": "让 Whisper 听一听片段自带的文字是否就是所说的话。"
    "[默认：本机有 Whisper 且不超过 200 个片段时是]",
    "refs build --head": "负责聆听的情感模型。[默认：此处可用的最好的]",
    "refs build --checkout": "GPT-SoVITS 目录，提供 HuBERT 和 SoVITS。[默认：SOURCE 所在的目录]",
    "refs build --cache": "保存特征的文件，训练时也会使用。[默认：在用户缓存中]",
    "refs build --no-cache": "只把特征保存在音库旁边。",
    "refs build --learn": "是否让您亲自标注的片段使情感模型适配该音色；拒绝会被记住。[默认：是，"
    "除非以前拒绝过]",
    "refs choose --emotion": "要表达的情感。",
    "refs choose --text": "要说的文字。",
    "refs choose --language": "文字的语言；不指定时按文字判断。",
    "refs choose --seed": "与 --order random 一起使用。",
    "--picture": "画入该文件：.svg 或 .png。",
    "refs export --format": "infer_config：infer_config.json，每种情感一个片段；brackets：【标签】文字.wav；"
    "names：标签_文字.wav；或插件添加的结构（见 plugins）。",
    "plugins --json": "以 JSON 输出。",
    "refs export --to": "新文件夹。",
    "refs export --replace": "替换该处以前的导出。",
    "refs pin --clear": "取消 EMOTION 的固定。",
    # heads, train, evaluate
    "heads list --json": "输出一个 JSON 数组。",
    "heads add --replace": "替换同 id 的情感模型。",
    "heads export --out": "复制到的文件夹。[默认：当前文件夹]",
    "--with-encoder": "同时写出它所读取的 Whisper 各层（float16），使它不依赖该 Whisper。",
    "heads export --whisper-model": "它所读取的 Whisper 的文件夹。[默认：与识别时的查找方式相同]",
    "--yes": "不询问。",
    "--recipe": "按名称选择配方（emodb、multi-nc、free、all-nc）：其语料（允许时自动下载）和类别。",
    "train --corpus": "本机的语料（可重复）；'corpora show NAME=DIR' 会说明其内容。",
    "--calibrate-on": "不用于训练的语料（可重复）：在其上拟合温度和阈值，使其对没见过的人也成立。"
    "用于读取 Whisper 的情感模型。",
    "train --encoder": "prosody；Whisper 的层：whisper-base:1-4；配合 --checkout 可用 hubert:6、hubert:4-9、"
    "sovits.style、sovits.posterior；或多个：whisper-base:1-4+prosody；或插件添加的编码器。",
    "--id": "新情感模型的 id。[默认：由编码器和语料得出]",
    "train --labels": "类别，以逗号分隔。[默认：全部]",
    "train --heads-dir": "放入的情感模型文件夹。[默认：用户自己的]",
    "train --replace": "替换该 id 的情感模型。",
    "--even-without-gain": "多编码器的情感模型即使不优于其中最好的一个也保留。",
    "train --json": "在标准输出以 JSON 输出卡片。",
    "evaluate --corpus": "用于测量的语料（可重复）；NAME 为已知语料（corpora list）或您自己的。",
    "--protocol": "loso：每次留出一位说话人。loso+text：留出说话人和句子。split：一次固定划分。cross："
    "在一个语料上训练，"
    "在另一个上测试。[默认：loso；用 --head 测量其没见过的语料时为 cross]",
    "evaluate --head": "按原样测量这个现成的情感模型。",
    "evaluate --encoder": "在该编码器上测量通常的配方，每折重新训练。[默认：prosody]",
    "evaluate --labels": "只用这些类别。[默认：全部]",
    "--test-speaker": "用于 split：测试哪些说话人（可重复）。[默认：每四位取一位]",
    "--against": "在相同的折上比较的情感模型或编码器 id（可重复）。",
    "--baseline": "在同一次运行中测量 openSMILE ComParE_2016 加线性 SVM（附加依赖：benchmark）。",
    "--members": "配方中每种模式的网络个数。",
    "evaluate --seed": "配方的随机种子。",
    "--cost": "同时测量 RTF。",
    "evaluate --json": "把全部结果写入该 JSON 文件。",
    "evaluate --page": "写出带图的页面。",
    # adapt, speakers, corpora
    "adapt --speaker": "说话的人；名字由您决定。",
    "adapt --head": "要适配该说话人的情感模型。[默认：此处可用的最好的]",
    "adapt --label": "未注明情感的 CLIPS 的情感。",
    "--correction": "您更正过标签的文稿（本程序的 .json），其录音在旁边，或用 --recording 指定（可重复）。",
    "--recording": "--correction 的录音，顺序相同（可重复）。",
    "--anew": "忘记以前对该说话人学到的内容。",
    "--measure": "不适配；在 --corpus 上测量其价值。",
    "adapt --corpus": "与 --measure 一起使用。",
    "adapt --draws": "与 --measure 一起使用。",
    "speakers forget --all": "删除所有说话人。",
    "speakers forget --head": "只针对该情感模型。",
    "speakers show --head": "情感模型。[默认：此处可用的最好的]",
    "speakers undo --head": "情感模型。[默认：此处可用的最好的]",
    "corpora get --to": "存放语料文件夹的文件夹。",
    "corpora show --labels": "要使用的标签；默认全部。",
    "corpora unpack --to": "存放音频及其 manifest.csv 的新文件夹。",
    # web, launch, install, doctor
    "--host": "提供页面的地址；0.0.0.0 表示本机所在的所有网络。",
    "--allow-host": "除地址外可用来访问页面的名字：反向代理的名字，或 *.example.org。"
    "用其他名字的请求会被拒绝。可重复；"
    "也可用 $GPT_SOVITS_EMOTION_ALLOW_HOST，以逗号分隔。",
    "--auth": "要求密码。本机的其他人能看到命令行的内容：最好用 --auth-file 或 $GPT_SOVITS_EMOTION_AUTH。",
    "--auth-file": "要求密码：每行一个 USER:PASSWORD。",
    "--max-upload": "页面接受的最大文件。",
    "--no-browser": "不打开浏览器。",
    "launch --checkout": "GPT-SoVITS 的文件夹，其中有 webui.py。",
    "install --checkout": "GPT-SoVITS 的文件夹，其中有 webui.py。",
    "uninstall --checkout": "GPT-SoVITS 的文件夹，其中有 webui.py。",
    "launch --page": "main：GPT-SoVITS 自己的起始页，其推理按钮会打开带有本页的页面。default、fast："
    "直接打开该页面。",
    "--python": "运行 GPT-SoVITS 的 python。[默认：其 runtime/python.exe（若有），否则为当前 python]",
    "install --route": "pth：在该 python 的 site-packages 中写一行，不改动 GPT-SoVITS 目录。"
    "scripts：在提供页面的两个脚本中加入有标记的代码块。",
    "doctor --checkout": "GPT-SoVITS 目录：含有 webui.py 的文件夹。",
    "doctor --fingerprints": "加载编码器的权重，并与训练情感模型时所用的比较。",
}
