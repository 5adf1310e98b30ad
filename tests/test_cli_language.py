"""``--lang zh`` covers every command, help, message and error; remedies name options that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from conftest import REPOSITORY
from reference_clips import write_clip
from remedies import OF_OTHERS, OPTION
from test_cli import run
from test_cli_arguments import COMMANDS, commands

from gpt_sovits_emotion.cli import _COMMANDS, command
from gpt_sovits_emotion.cli.chinese import COMMANDS as CHINESE
from gpt_sovits_emotion.cli.chinese import OPTIONS, help_of_option
from gpt_sovits_emotion.core import errors
from gpt_sovits_emotion.core.progress import doing_in
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.transcription.models import _not_here

CHINESE_TEXT = re.compile("[\u4e00-\u9fff]")
SOURCES = sorted(
    path
    for package in ("gpt_sovits_emotion", "webui_tab")
    for path in (REPOSITORY / package).rglob("*.py")
)
ERRORS = {name for name in errors.__all__ if name != "MissingExtraError"}
TOUCHING_OF_OTHERS = {"凑50字一切"}  # GPT-SoVITS's own name of a way to cut
BOTH = {*ERRORS, "Misuse", "BadValue"}
# Made of an error that says both, or of a sentence of the page that is chosen by its language already.
ALREADY = {"webui_tab/listen/analysis.py", "webui_tab/banks/bank.py"}


def calls(path: Path) -> Iterator[tuple[ast.Call, str]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            yield node, name


def words_in(node: ast.AST) -> str:
    return "".join(
        each.value
        for each in ast.walk(node)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    )


def test_every_error_says_the_same_in_chinese() -> None:
    english_only = []
    for path in SOURCES:
        name = path.relative_to(REPOSITORY).as_posix()
        for call, called in calls(path):
            if called in BOTH and call.args and name not in ALREADY:
                if getattr(getattr(call.args[0], "func", None), "id", "") == "tr":
                    continue  # the catalogue has it
                chinese = next((word.value for word in call.keywords if word.arg == "zh"), None)
                if chinese is None or (
                    isinstance(chinese, ast.Constant | ast.JoinedStr)
                    and not CHINESE_TEXT.search(words_in(chinese))
                    and "zh" not in ast.unparse(chinese)
                ):
                    english_only.append(f"{name}:{call.lineno}")
    assert english_only == []


def test_the_command_line_says_nothing_in_english_alone() -> None:
    """Everything that `say` is given, and every sentence that `echo` is, has its Chinese."""
    english_only = []
    for path in sorted((REPOSITORY / "gpt_sovits_emotion" / "cli").glob("*.py")):
        if path.name in ("shown.py", "console.py", "__init__.py"):
            continue
        for call, called in calls(path):
            assert not (
                isinstance(call.func, ast.Attribute)
                and getattr(call.func.value, "id", "") == "click"
                and called in ("echo", "secho", "style", "UsageError", "BadParameter")
            ), f"{path.name}:{call.lineno}: click.{called} shows what it is given as it stands"
            given = call.args[0] if call.args else None
            said_in_both = any(word.arg == "zh" for word in call.keywords)
            of_ours = isinstance(call.func, ast.Name)
            if called == "say" and of_ours and given is not None and not said_in_both:
                english_only += [f"{path.name}:{call.lineno}"] * (not isinstance(given, ast.Call))
            if called == "echo" and isinstance(given, ast.Constant | ast.JoinedStr):
                literal = "".join(
                    part.value
                    for part in ([given] if isinstance(given, ast.Constant) else given.values)
                    if isinstance(part, ast.Constant)
                )
                if re.search(r"[a-z]{2,} [a-z]{2,}", literal):
                    english_only.append(f"{path.name}:{call.lineno}")
    assert english_only == []


def test_every_command_and_option_has_chinese_help() -> None:
    words = {" ".join(path) for path in COMMANDS} | {"", "refs", "heads", "speakers", "corpora"}
    assert set(CHINESE) == words
    lacking, used = [], set()
    for path, found in [*COMMANDS.items(), ((), command)]:
        for option in found.params:
            if isinstance(option, click.Option) and option.help:
                name = " ".join(path)
                told = help_of_option(name, option.opts[0])
                used |= {option.opts[0], f"{name} {option.opts[0]}"}
                if told is None or not CHINESE_TEXT.search(told):
                    lacking.append(f"{name} {option.opts[0]}")
    assert lacking == []
    assert set(OPTIONS) - used == set()


@pytest.mark.parametrize("path", [(), *COMMANDS], ids=" ".join)
def test_help_is_in_the_language_asked_for(capsys, path: tuple[str, ...]) -> None:
    _, chinese, _ = run(capsys, *path, "--lang", "zh", "--help")
    _, english, _ = run(capsys, *path, "-h")
    assert chinese.startswith("用法：gpt-sovits-emotion")
    assert english.startswith("Usage: gpt-sovits-emotion")
    assert "显示本帮助后退出。" in chinese
    assert "Show this message and exit." in english
    assert "--lang" in english
    assert not re.search(r"(?:the|of|is|and) [a-z]", chinese.partition("选项")[2])
    assert not re.search("[\u4e00-\u9fff]{4}", english)  # but for examples of tags


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nonsense"], 2, "没有命令 'nonsense'"),
        (["annotate"], 2, "缺少参数 'FILES...'"),
        (["annotate", "x", "--nope"], 2, "没有选项 '--nope'"),
        (["annotate", "x", "--beam-size", "99"], 2, "99 不在范围 1<=x<=20 内"),
        (["annotate", "x", "--beam-size", "many"], 2, "'many' 不是整数"),
        (["annotate", "x", "--smoothing", "nan"], 2, "nan 不是数字"),
        (["annotate", "x", "--device", "tpu"], 2, "'tpu' 不是以下之一：'auto', 'cpu', 'cuda'"),
        (["annotate", "x", "--out"], 2, "选项 '--out' 需要一个值"),
        (["annotate", "x", "--out", ""], 2, "路径不能为空"),
        (["annotate", "x", "--json=1"], 2, "选项 '--json' 不带值"),
        (["heads", "show", "a", "b"], 2, "多余的参数（b）"),
        (["say", "bank", "--out", "o"], 2, "请给出文字"),
        (["annotate", "missing.wav"], 1, "missing.wav"),
        (["heads", "show", "nope"], 1, "没有情感模型"),
        (["heads", "check", "nope"], 1, "nope"),
        (["refs", "list", "nope"], 1, "nope"),
        (["speakers", "show", "nobody", "--head", "prosody-emodb"], 1, "nobody"),
        (["train"], 2, "请指定训练数据"),
        (["corpora", "get", "nope", "--to", "x"], 1, "没有名为"),
        (["launch", "--checkout", "nope"], 1, "不是 GPT-SoVITS 目录"),
        (["doctor", "--checkout", "nope"], 2, "nope 不存在"),
    ],
)
def test_errors_are_in_the_language_asked_for(
    capsys, monkeypatch, tmp_path: Path, arguments, code: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    found, out, err = run(capsys, "--lang", "zh", *arguments)
    assert (found, out) == (code, "")
    last = err.splitlines()[-1]
    assert said in last
    assert CHINESE_TEXT.search(last)
    assert not re.search(r"\b(?:the|is not|was|there)\b", last)


def told_to_progress() -> Iterator[str]:
    for path in SOURCES:
        for call, called in calls(path):
            if called == "progress" and len(call.args) == 2:
                told = call.args[1]
                if isinstance(told, ast.Constant):
                    yield str(told.value)
                elif isinstance(told, ast.JoinedStr):
                    parts = [
                        each.value if isinstance(each, ast.Constant) else "1"
                        for each in told.values
                    ]
                    yield "".join(map(str, parts))


@pytest.mark.parametrize("before", [True, False])
def test_results_are_in_the_language_asked_for_before_or_behind_the_command(
    capsys, tmp_path, before: bool
) -> None:
    write_clip(tmp_path / "happy" / "1.wav")
    words = ["refs", "coverage", str(tmp_path)]
    code, out, _ = run(capsys, *(["--lang", "zh", *words] if before else [*words, "--lang", "zh"]))
    assert code == 0
    assert "开心" in out
    assert "happy" not in out


def test_remarks_and_lessons_are_in_the_language_asked_for(capsys, tmp_path, fake_head) -> None:
    folder = fake_head.rename(tmp_path / "renamed")
    _, _, err = run(capsys, "heads", "check", folder, "--lang", "zh")
    assert err.splitlines()[-1] == "备注：文件夹名为 renamed，而 id 是 fake-head"
    _, _, err = run(capsys, "heads", "check", folder)
    assert err.splitlines()[-1] == "remark: the folder is called renamed, the id is fake-head"
    _, out, _ = run(capsys, "corpora", "list", "--lang", "zh")
    assert "向制作者获取" in out
    assert "from its makers" not in out


@pytest.mark.parametrize("place", [Path("/models/faster-whisper-medium"), None])
def test_a_missing_whisper_is_said_with_spaces_around_latin_names(place: Path | None) -> None:
    missing = _not_here("medium", [place] if place else [], Sentence("no network", "没有网络"))
    chinese = missing.say("zh")
    assert not re.search(r"[\u4e00-\u9fff][A-Za-z0-9/]|[A-Za-z0-9][\u4e00-\u9fff]", chinese)
    assert ("放到 /models/faster-whisper-medium（" in chinese) == (place is not None)


def test_chinese_words_and_latin_ones_do_not_touch() -> None:
    """In what is written out; what is filled in may begin with either (`counting.beside_chinese`)."""
    touching = []
    for path in SOURCES:
        tree = ast.parse(path.read_text("utf-8"))
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                words = node.value if "\\" not in node.value else ""  # those are patterns
                found = re.search(r"[\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9%][\u4e00-\u9fff]", words)
                if found and id(node) not in docstrings and words not in TOUCHING_OF_OTHERS:
                    touching.append(f"{path.name}:{node.lineno}: {words}")
    assert touching == []


def test_progress_is_told_in_chinese() -> None:
    told = {words for words in told_to_progress() if re.search(r"[a-z]{3}", words)}
    assert len(told) > 25
    assert [words for words in told if not CHINESE_TEXT.search(doing_in("zh", words))] == []


def test_every_option_that_a_message_names_is_there() -> None:
    known = {name for found in COMMANDS.values() for each in found.params for name in each.opts}
    known |= {
        name for found in COMMANDS.values() for each in found.params for name in each.secondary_opts
    }
    known |= {"--help", "--version", "--debug", "--lang"}
    named = set()
    for path in SOURCES:
        tree = ast.parse(path.read_text("utf-8"))
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                css = re.search(r"var\(|--[\w-]+:", node.value) or OPTION.fullmatch(node.value)
                if id(node) in docstrings or css:
                    continue  # a docstring names our scripts' options, too; CSS has names like these
                name = path.relative_to(REPOSITORY).as_posix()
                named |= {(option, name) for option in OPTION.findall(node.value)}
    assert {option for option, _ in named} & known
    assert sorted(each for each in named if each[0] not in known | OF_OTHERS) == []


def test_every_option_that_a_command_of_the_documentation_names_is_there() -> None:
    """In lines that begin with our program, or with the name of a command in a block of code."""
    missing = []
    for page in [*REPOSITORY.glob("README*.md"), *(REPOSITORY / "docs").glob("*.md")]:
        for line in page.read_text("utf-8").splitlines():
            for said in re.findall(r"gpt-sovits-emotion ((?:[a-z]+ ?)+[^`#|]*)", line):
                words = said.split()
                found = next(
                    (COMMANDS[tuple(words[:n])] for n in (2, 1) if tuple(words[:n]) in COMMANDS),
                    None,
                )
                if found is None:
                    continue
                names = {
                    name for each in found.params for name in (*each.opts, *each.secondary_opts)
                }
                wanted = said.partition(" -- ")[0]
                missing += [
                    (page.name, option, said)
                    for option in OPTION.findall(wanted)
                    if option not in names | {"--lang", "--help"}
                ]
    assert missing == []


def test_the_commands_are_the_same_everywhere() -> None:
    assert {path[0] for path in COMMANDS} == set(_COMMANDS)
    assert len(dict(commands())) == len(COMMANDS)
