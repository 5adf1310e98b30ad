"""``evaluate`` from corpora on disk to table, JSON and page, with an encoder that needs no model."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from browser import running_chromium
from click.testing import CliRunner
from conftest import voiced

from gpt_sovits_emotion.audio import write_wav
from gpt_sovits_emotion.cli import evaluate as cli_evaluate
from gpt_sovits_emotion.cli.console import shown_width
from gpt_sovits_emotion.cli.language import language_of, set_language
from gpt_sovits_emotion.core.errors import CorpusError, HeadMismatchError, TranscriptError
from gpt_sovits_emotion.core.records import Audio, Sentence
from gpt_sovits_emotion.heads import load_head, save_head
from gpt_sovits_emotion.heads.card import CorpusCredit, EncoderSpec, Result
from gpt_sovits_emotion.report.evaluation import evaluation_page, write_evaluation_page
from gpt_sovits_emotion.report.pictures import (
    confusion_picture,
    coverage_picture,
    interval_picture,
    reliability_picture,
)
from gpt_sovits_emotion.testing import fake_card
from gpt_sovits_emotion.training.corpora import open_corpora
from gpt_sovits_emotion.training.embed import embed_corpus
from gpt_sovits_emotion.training.evaluation import evaluate
from gpt_sovits_emotion.training.evaluation_report import read_evaluation, write_evaluation
from gpt_sovits_emotion.training.fit import fit_head
from gpt_sovits_emotion.training.metrics import Coverage, ReliabilityBin
from gpt_sovits_emotion.training.recipes import Recipe
from gpt_sovits_emotion.training.systems import EvaluationPlan, System, has_met

QUICK = Recipe(
    hidden=12, n_epochs=20, batch_size=16, learning_rate=3e-2, prior_segments=1.0, n_members=1
)
PITCH_HZ = {"angry": 260.0, "happy": 320.0, "neutral": 150.0, "sad": 100.0, "calm": 120.0}


class BandEncoder:
    """Log energies in eight bands: enough to hear the pitch of a tone. Goes by the name of a lent one."""

    id = "hubert:6"
    dim = 8
    sampling_rate_hz = 16_000
    frame_rate_hz = 1.0
    input_scaling = "none"

    def __init__(self, fingerprint="bands-1"):
        self.fingerprint = fingerprint

    def encode(self, audios):
        rows = []
        for audio in audios:
            power = np.abs(np.fft.rfft(audio.samples, 4096)) ** 2
            rows.append([np.log(band.sum() + 1e-6) for band in np.array_split(power[10:130], 8)])
        return np.array(rows, np.float32)


def write_corpus(
    folder, *, emotions=("angry", "neutral", "sad"), speakers=("a", "b", "c"), shift=0
):
    """Two texts, each once in every emotion, by speakers of different pitch."""
    folder.mkdir(parents=True)
    rows = []
    for place, who in enumerate(speakers):
        for emotion in emotions:
            for text in ("one", "two"):
                name = f"{who}-{emotion}-{text}.wav"
                f0_hz = PITCH_HZ[emotion] * (1.0 + 0.04 * place + 0.01 * shift)
                samples = voiced(0.7, f0_hz=f0_hz + (3.0 if text == "two" else 0.0))
                write_wav(folder / name, Audio(samples, 16_000))
                rows.append((name, f"{who}{shift}", emotion, text))
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("path", "speaker", "emotion", "text"), *rows])
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpora")
    return SimpleNamespace(
        one=write_corpus(root / "one"),
        two=write_corpus(root / "two", emotions=("angry", "happy", "sad", "neutral"), shift=3),
        three=write_corpus(root / "three", emotions=("angry", "sad", "calm"), shift=5),
    )


def opened(*folders):
    return open_corpora([str(folder) for folder in folders])


def by_recipe(encoder=None, recipe=QUICK):
    return System.of_recipe(encoder or BandEncoder(), recipe)


@pytest.fixture(scope="module")
def head(folders, tmp_path_factory):
    """A finished head that was trained on the first corpus."""
    encoder = BandEncoder()
    (corpus,) = opened(folders.one)
    fitted = fit_head(embed_corpus(corpus, encoder, copies={}), recipe=QUICK)
    card = fake_card(
        id="bands-one",
        labels=fitted.classes,
        encoder=EncoderSpec(encoder.id, encoder.dim, encoder.fingerprint, 16_000, "bands"),
        corpora=(CorpusCredit("One", "", 18, 3, "CC0-1.0", "nobody"),),
        recipe=QUICK.to_dict(),
        prior_segments=QUICK.prior_segments,
        results=(),
    )
    folder = tmp_path_factory.mktemp("heads") / "bands-one"
    save_head(folder, card, fitted.tensors())
    return load_head(folder)


# --- protocols -------------------------------------------------------------------------------------


def test_a_recipe_is_measured_speaker_by_speaker(folders):
    told = []
    found = evaluate(
        EvaluationPlan(opened(folders.two), by_recipe(), k_shots=(2,)),
        progress=lambda fraction, doing: told.append(fraction),
    )
    by_mode = {outcome.normalisation: outcome for outcome in found.outcomes}
    assert list(by_mode) == ["global", "speaker"]
    for outcome in found.outcomes:
        assert outcome.corpus == "two"
        assert outcome.n_utterances == sum(map(sum, outcome.confusion)) == 24
        assert outcome.uar_interval[0] <= outcome.uar <= outcome.uar_interval[1]
        assert outcome.uar > 0.5
    assert [few.n_clips for few in by_mode["speaker"].few] == [2]
    assert by_mode["global"].few == ()
    (contender,) = found.contenders
    assert contender.kind == "recipe"
    assert contender.cost.encoder_rtf > 0
    assert contender.cost.audio_s > 1
    assert told == sorted(told)
    assert told[-1] == 1.0
    results = found.results()
    assert all(isinstance(result, Result) for result in results)
    assert [result.normalisation for result in results] == ["global", "speaker"]
    assert results[0].confusion == by_mode["global"].confusion


def test_several_corpora_are_scored_together_and_one_by_one(folders):
    found = evaluate(EvaluationPlan(opened(folders.one, folders.two), by_recipe(), cost=False))
    tested = {outcome.corpus: outcome for outcome in found.outcomes}
    assert list(tested) == ["one + two", "one", "two"]
    assert tested["one + two"].n_speakers == 6
    assert tested["one"].n_utterances + tested["two"].n_utterances == 42
    happy = tested["one"].labels.index("happy")
    assert tested["one"].recalls[happy] is None
    assert found.contenders[0].cost is None


@pytest.mark.parametrize("protocol", ["loso+text", "split"])
def test_other_folds(folders, protocol):
    plan = EvaluationPlan(
        opened(folders.one), by_recipe(), protocol=protocol, test_speakers=("b0",), cost=False
    )
    found = evaluate(plan)
    expected = {"loso+text": (18, 3), "split": (6, 1)}[protocol]
    for outcome in found.outcomes:
        assert (outcome.n_utterances, outcome.n_speakers) == expected
        assert outcome.protocol == protocol


def test_across_corpora_every_pair_and_all_the_others(folders):
    corpora = opened(folders.one, folders.two, folders.three)
    found = evaluate(
        EvaluationPlan(corpora, by_recipe(), protocol="cross", modes=("speaker",), cost=False)
    )
    pairs = {(outcome.trained_on, outcome.corpus): outcome for outcome in found.outcomes}
    assert len(pairs) == 9
    assert ("one + three", "two") in pairs
    assert pairs["one", "three"].labels == ("angry", "sad")
    assert pairs["one", "two"].labels == ("angry", "neutral", "sad")
    assert pairs["one + two", "three"].n_utterances == 12
    assert "trained on one" in pairs["one", "two"].to_result().note
    assert any("calm" in warning.en for warning in found.warnings)


def test_classes_can_be_chosen(folders):
    plan = EvaluationPlan(
        opened(folders.two), by_recipe(), labels=("angry", "sad"), modes=("global",), cost=False
    )
    (outcome,) = evaluate(plan).outcomes
    assert outcome.labels == ("angry", "sad")
    assert outcome.n_utterances == 12


# --- finished heads --------------------------------------------------------------------------------


def test_a_finished_head_is_measured_where_it_has_not_been(folders, head):
    system = System.of_head(head, BandEncoder())
    found = evaluate(
        EvaluationPlan(opened(folders.one, folders.two), system, protocol="cross", cost=False)
    )
    assert {outcome.corpus for outcome in found.outcomes} == {"two"}
    assert found.contenders[0].kind == "head"
    assert found.outcomes[0].trained_on == "One"
    said = [warning.en for warning in found.warnings]
    assert any("one was left out" in sentence for sentence in said)
    assert any("not everybody knows them: happy" in sentence for sentence in said)


def test_on_its_own_corpus_a_heads_recipe_is_trained_anew(folders, head):
    system = System.of_head(head, BandEncoder())
    found = evaluate(EvaluationPlan(opened(folders.one), system, cost=False))
    assert found.contenders[0].kind == "recipe"
    assert found.contenders[0].name == "recipe of bands-one"
    assert found.contenders[0].recipe["hidden"] == QUICK.hidden
    assert any("only show what it remembers" in warning.en for warning in found.warnings)
    same = evaluate(EvaluationPlan(opened(folders.one), by_recipe(), cost=False))
    assert found.outcomes[0].confusion == same.outcomes[0].confusion


def test_a_head_that_does_not_say_how_it_was_made_is_refused_on_its_own_corpus(folders, head):
    silent = replace(head, card=replace(head.card, recipe={"seed": 1}))
    plan = EvaluationPlan(opened(folders.one), System.of_head(silent, BandEncoder()))
    with pytest.raises(CorpusError, match="was trained on this corpus") as caught:
        evaluate(plan)
    assert "卡片" in caught.value.say("zh")


def test_other_weights_are_refused(head):
    with pytest.raises(HeadMismatchError, match="bands-2"):
        System.of_head(head, BandEncoder("bands-2"))


@pytest.mark.parametrize(("name", "met"), [("o n-e", True), ("ONE", True), ("two", False)])
def test_a_corpus_is_known_by_any_spelling(folders, head, name, met):
    (corpus,) = opened(folders.two)
    assert has_met(head, replace(corpus, name=name)) is met


def test_a_finished_head_hears_all_clips_of_a_speaker_whichever_are_tested(folders, head):
    """At work nobody tells it which clips have a class that it is tested on."""
    system = System.of_head(head, BandEncoder())
    corpora = opened(folders.two)
    found = evaluate(
        EvaluationPlan(corpora, system, protocol="cross", labels=("angry", "sad"), cost=False)
    )
    data = embed_corpus(corpora[0], system.encoder, copies={})
    columns = [head.card.labels.index(label) for label in ("angry", "sad")]
    right = []
    for who in np.unique(data.speakers):
        own = data.embeddings[data.speakers == who]
        labels = data.labels[data.speakers == who]
        speaker = head.statistics(own, source="test")
        assert speaker.n_segments == 8
        heard = head.probabilities(own, speaker)[:, columns].argmax(1)
        tested = np.isin(labels, ("angry", "sad"))
        right += (np.array(["angry", "sad"])[heard] == labels)[tested].tolist()
    (outcome,) = (one for one in found.outcomes if one.normalisation == "speaker")
    assert outcome.n_utterances == len(right) == 12
    assert outcome.wa == pytest.approx(np.mean(right))


# --- comparing -------------------------------------------------------------------------------------


def test_two_are_compared_on_the_same_folds(folders, head):
    other = System.of_head(head, BandEncoder())
    found = evaluate(EvaluationPlan(opened(folders.two), by_recipe(), (other,), cost=False))
    assert [contender.kind for contender in found.contenders] == ["recipe", "head"]
    # happy is not among the labels of the head, so neither of them is asked about it
    assert {outcome.labels for outcome in found.outcomes} == {("angry", "neutral", "sad")}
    assert [one.normalisation for one in found.comparisons] == ["global", "speaker"]
    by_name = {(one.contender, one.normalisation): one for one in found.outcomes}
    for comparison in found.comparisons:
        ours, theirs = (
            by_name[name, comparison.normalisation]
            for name in (comparison.first, comparison.second)
        )
        assert comparison.difference.uar == pytest.approx(ours.uar - theirs.uar)
    assert all(result.corpus == "two" for result in found.results())
    assert len(found.results()) == 2


def test_nobody_is_compared_with_himself(folders):
    with pytest.raises(CorpusError, match="with itself"):
        evaluate(EvaluationPlan(opened(folders.one), by_recipe(), (by_recipe(),)))


@pytest.mark.parametrize(
    ("protocol", "message"), [("cross", "needs two of them"), ("split", "no speaker 'x'")]
)
def test_what_cannot_be_measured_is_one_sentence(folders, protocol, message):
    plan = EvaluationPlan(
        opened(folders.one), by_recipe(), protocol=protocol, test_speakers=("x",), cost=False
    )
    with pytest.raises(CorpusError, match=message):
        evaluate(plan)


def test_corpora_of_one_name_are_refused(folders):
    twice = (*opened(folders.one), *opened(folders.one))
    with pytest.raises(CorpusError, match="two corpora are called 'one'"):
        evaluate(EvaluationPlan(twice, by_recipe()))


def test_whoever_watches_can_stop_it(folders):
    class Stop(Exception):
        pass

    def stop(fraction, doing):
        if fraction > 0.5:
            raise Stop

    with pytest.raises(Stop):
        evaluate(EvaluationPlan(opened(folders.one), by_recipe()), progress=stop)


# --- record, page, command line --------------------------------------------------------------------


@pytest.fixture(scope="module")
def evaluation(folders, head):
    other = System.of_head(head, BandEncoder())
    plan = EvaluationPlan(opened(folders.two), by_recipe(), (other,), command="evaluate <this>")
    found = evaluate(plan)
    return replace(found, warnings=(*found.warnings, Sentence("beware of <b>", "小心 <b>")))


def test_the_record_is_read_back_equal(evaluation, tmp_path):
    write_evaluation(evaluation, tmp_path / "e.json")
    assert read_evaluation(tmp_path / "e.json") == evaluation
    (tmp_path / "other.json").write_text('{"format": "x", "version": 1}', encoding="utf-8")
    with pytest.raises(TranscriptError, match="expected 'gpt-sovits-emotion/evaluation'"):
        read_evaluation(tmp_path / "other.json")


def test_the_page_stands_alone_and_escapes_what_it_is_given(evaluation):
    page = evaluation_page(evaluation, language="zh")
    assert 'data-lang="zh"' in page
    assert "beware of &lt;b&gt;" in page
    assert "evaluate &lt;this&gt;" in page
    assert not re.search(r'(src|href)="(?!#)', page)
    assert page.count("<details") == len(evaluation.outcomes)
    assert page.count("<figure") == 3 * len(evaluation.outcomes)
    for comparison in evaluation.comparisons:
        assert f"{100 * comparison.difference.uar:+.1f} [" in page


def test_pictures_show_every_number():
    svg = confusion_picture(
        ("angry", "<odd>", "a very long label"), ((7, 1, 0), (0, 5, 2), (0, 0, 9))
    )
    assert re.findall(r">(\d+)</text>", svg) == ["7", "1", "5", "2", "9"]
    assert "&lt;odd&gt;" in svg
    assert "<odd>" not in svg
    assert "愤怒" in svg
    assert "a very lo…" in svg
    bins = (ReliabilityBin(0.5, 0.6, 4, 0.55, 0.25), ReliabilityBin(0.9, 1.0, 8, 0.95, 1.0))
    assert reliability_picture(bins).count("<rect") == 2
    assert reliability_picture(()).count("<rect") == 0
    assert "polyline" in coverage_picture((Coverage(0.9, 0.5, 0.8), Coverage(0.1, 1.0, 0.6)))
    assert "polyline" not in coverage_picture((Coverage(0.9, 0.0, None),))
    assert "<circle" in interval_picture(0.5, (0.4, 0.6), chance=0.25)


@pytest.mark.browser
def test_the_page_in_a_browser(evaluation, tmp_path):
    path = tmp_path / "evaluation.html"
    write_evaluation_page(evaluation, path)
    with running_chromium() as browser:
        page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
        said = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.get_by_text("One against another").is_visible()
        page.click("[data-lang-button=zh]")
        assert page.get_by_text("两两比较").is_visible()
        assert not page.get_by_text("One against another").is_visible()
        label = page.locator("svg[role=img]").first.get_attribute("aria-label")
        assert label.startswith("混淆矩阵")
        folded = page.locator("details:not([open])").first
        folded.locator("summary").click()
        assert folded.page.locator("details[open]").count() == 3
        assert said == []


def run(folders, head, tmp_path, monkeypatch, *arguments):
    """Run the command with the band encoder in place of what a checkout would lend."""
    encoder = BandEncoder()
    monkeypatch.setattr(cli_evaluate, "encoder_for", lambda given, encoder_id: encoder)
    engines = SimpleNamespace(tagger=head, analyser=SimpleNamespace(encoder=encoder))
    monkeypatch.setattr(cli_evaluate, "open_engines_for", lambda given: engines)
    monkeypatch.setattr(cli_evaluate, "head_for", lambda given: head)
    common = ["--cache", str(tmp_path / "features.sqlite"), "--jobs", "1", "--no-cost"]
    set_language(language_of(arguments))
    return CliRunner().invoke(cli_evaluate.evaluate, [*arguments, *common])


def test_the_command_prints_a_table_and_writes_files(folders, head, tmp_path, monkeypatch):
    done = run(
        folders, head, tmp_path, monkeypatch,
        "--corpus", f"mine={folders.two}", "--encoder", "hubert:6", "--members", "1",
        "--against", "bands-one", "--labels", "anger,sad", "--lang", "zh",
        "--json", str(tmp_path / "e.json"), "--page", str(tmp_path / "e.html"),
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "mine，loso，2 类，speaker" in done.output
    assert "recipe on hubert:6 - bands-one = " in done.output
    assert re.search(r"愤怒 +\d+ +\d+ +\d+\.\d%", done.output)
    assert "注意：其他标签的 12 个片段不使用" in done.output
    # The rows end where the title of the last column does; a Chinese character is two columns wide.
    title, row = (
        next(one for one in done.output.splitlines() if word in one) for word in ("召回率", "愤怒 ")
    )
    assert shown_width(title) == shown_width(row)
    found = read_evaluation(tmp_path / "e.json")
    assert found.outcomes[0].labels == ("angry", "sad")
    assert 'data-lang="zh"' in (tmp_path / "e.html").read_text("utf-8")


def test_a_head_is_measured_across_corpora_without_being_told_how(
    folders, head, tmp_path, monkeypatch
):
    done = run(
        folders, head, tmp_path, monkeypatch,
        "--corpus", str(folders.one), "--corpus", str(folders.two), "--head", "bands-one",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "One -> two, cross, 3 classes" in done.output
    assert "one was left out" in done.output


def test_a_head_and_an_encoder_exclude_each_other(folders, head, tmp_path, monkeypatch):
    done = run(
        folders, head, tmp_path, monkeypatch,
        "--corpus", str(folders.one), "--head", "x", "--encoder", "prosody",
    )  # fmt: skip
    assert done.exit_code == 2
    assert "exclude each other" in done.output
