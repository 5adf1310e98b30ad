"""``adapt --measure``: what it is worth to fit a head to a speaker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpt_sovits_emotion.cli.arguments import Misuse
from gpt_sovits_emotion.cli.console import echo, padded, progress_bar
from gpt_sovits_emotion.cli.language import in_language
from gpt_sovits_emotion.cli.options import (
    encoder_for,
    head_for,
    opened_cache,
)
from gpt_sovits_emotion.cli.settings import FeatureSettings, ModelSettings
from gpt_sovits_emotion.core.messages import of_count, tr
from gpt_sovits_emotion.core.progress import part_of

if TYPE_CHECKING:
    from gpt_sovits_emotion.training.few_shot import AdaptationScore

__all__ = ["measure_adaptation"]


def measure_adaptation(
    named: tuple[str, ...], n_draws: int, models: ModelSettings, features: FeatureSettings
) -> None:
    """Print, for each corpus that is named, how good a head is before and after it is fitted to a speaker."""
    from gpt_sovits_emotion.training.corpora import open_corpora
    from gpt_sovits_emotion.training.embed import embed_corpus
    from gpt_sovits_emotion.training.few_shot import evaluate_adaptation
    from gpt_sovits_emotion.training.recipes import recipe_for

    if not named:
        raise Misuse(tr("name the corpora to measure on: --corpus NAME=DIR"))
    with progress_bar("corpora") as reading:
        corpora = open_corpora(named, progress=reading)
    encoder_id = head_for(models).card.encoder.id  # heads like it are fitted and measured
    encoder = encoder_for(models, encoder_id)
    with opened_cache(features) as cache:
        for corpus in corpora:
            with progress_bar(corpus.name) as progress:
                data = embed_corpus(
                    corpus,
                    encoder,
                    cache=cache,
                    n_jobs=features.jobs,
                    progress=part_of(progress, 0.0, 0.5),
                )
                scores = evaluate_adaptation(
                    data,
                    recipe=recipe_for(encoder_id),
                    n_draws=n_draws,
                    progress=part_of(progress, 0.5, 1.0),
                )
            n_clips, n_classes = len(data.labels), len(data.classes)
            echo(
                in_language(
                    tr(
                        "{corpus}: {n_clips} clips, {n_classes} classes, one speaker held out at a time; "
                        "UAR in % on the speaker's other clips, {n_draws} draws",
                        corpus=corpus.name,
                        n_clips=n_clips,
                        n_classes=n_classes,
                        n_draws=n_draws,
                    )
                )
            )
            for score in scores:
                echo(_line(score))


def _line(score: AdaptationScore) -> str:
    n = score.count
    what = {
        "none": in_language(tr("nothing known of the speaker")),
        "unlabelled": in_language(tr("{n} without labels", n=of_count(n, "clip"))),
        "labelled": in_language(tr("{n} labelled of each emotion", n=n)),
        "bank_unlabelled": in_language(tr("half of them, without labels")),
        "bank": in_language(tr("own bank, {n} per emotion", n=of_count(n, "clip"))),
    }[score.kind]
    what = padded(what, 30)
    clips = in_language("clips", "个片段")
    low, high = score.uar_interval
    only = (
        f"  ({in_language('mean alone', '仅用均值')} {100 * score.mean_only_uar:.1f})"
        if score.kind in ("labelled", "bank")
        else ""
    )
    return (
        f"  {what} {score.mean_clips:5.1f} {clips}  UAR {100 * score.uar:5.1f} "
        f"[{100 * low:.1f}-{100 * high:.1f}] +-{100 * score.spread:.1f}  WA {100 * score.wa:5.1f}  "
        f"ECE {score.ece:.3f}{only}"
    )
