"""Messages in two languages: the catalogue is that of the code, whole, with the places of the English."""

from __future__ import annotations

import runpy
import subprocess
import sys
from types import SimpleNamespace

import pytest
from babel.messages.catalog import Catalog
from conftest import REPOSITORY

from gpt_sovits_emotion.core.errors import HeadError
from gpt_sovits_emotion.core.messages import in_both, of_count, of_error, of_label, tr

SCRIPT = REPOSITORY / "scripts" / "catalogue.py"


@pytest.fixture(scope="module")
def catalogue() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(SCRIPT)))


def test_every_message_of_the_code_is_translated_and_compiled() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False
    )
    assert done.stdout == ""
    assert done.returncode == 0, done.stderr


def test_what_is_amiss_in_a_catalogue_is_told(catalogue: SimpleNamespace) -> None:
    held = Catalog(locale="zh")
    held.add("a {name}", "一个 {name}")
    assert catalogue.faults_of(held) == []
    held.add("nobody has translated this", "")
    held.add("a {thing}", "一个 {name}")
    untranslated, misplaced = catalogue.faults_of(held)
    assert "not translated: 'nobody has translated this'" in untranslated
    assert "{name}" in misplaced


def test_a_message_that_the_code_does_not_say_any_more_goes(catalogue: SimpleNamespace) -> None:
    held = Catalog(locale="zh")
    held.add("this was said once", "曾经说过")
    kept = catalogue.texts_in(catalogue.brought_up_to_date(held))
    assert "this was said once" not in kept
    assert len(kept) > 1000


def test_places_are_filled_in_either_language() -> None:
    found = tr("{path} does not exist; check the name", path=in_both("the file", "该文件"))
    assert found.en == "the file does not exist; check the name"
    assert found.zh.startswith("该文件")
    assert tr("nobody says this {thing}", thing="{braces}").zh == "nobody says this {braces}"
    assert of_count(2, "clip").say("zh") == "2"
    assert (of_label("angry").en, of_label("angry").zh) == ("angry", "愤怒")
    assert of_error(HeadError("a", zh="甲")).zh == "甲"
    assert of_error(ValueError("plain")).zh == "plain"


def test_an_error_takes_a_message_in_two_languages() -> None:
    error = HeadError(tr("{path} does not exist; check the name", path="x"))
    assert str(error) == "x does not exist; check the name"
    assert error.say("zh") == "x 不存在；请检查文件名"
