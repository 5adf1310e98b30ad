"""``adapt CLIPS… --speaker NAME``: fit a head to one speaker; ``--measure``: what that is worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpt_sovits_emotion.cli.arguments import FilePath, Place
from gpt_sovits_emotion.cli.console import echo, progress_bar, say
from gpt_sovits_emotion.cli.options import (
    encoder_for,
    feature_options,
    head_for,
    heads_dir_option,
    lending_options,
    open_engines_for,
    opened_cache,
)
from gpt_sovits_emotion.progress import part_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from gpt_sovits_emotion.engines import Engines
    from gpt_sovits_emotion.heads.profiles import SpeakerProfile
    from gpt_sovits_emotion.training.adapt_measure import AdaptationScore
    from gpt_sovits_emotion.training.adapt_sources import SpeakerClip

__all__ = ["adapt"]


@click.command()
@click.argument("clips", nargs=-1, type=Place())
@click.option("--speaker", metavar="NAME", help="Who speaks; a name of your choice.")
@click.option(
    "--head",
    metavar="ID|PATH",
    help="The head to fit to the speaker.  [default: the best that works here]",
)
@heads_dir_option
@click.option("--label", help="The emotion of all CLIPS that do not say theirs.")
@click.option(
    "--correction",
    "corrections",
    multiple=True,
    type=FilePath(),
    help="A transcript (our .json) in which you corrected labels, with its recording beside it or named "
    "with --recording (repeatable).",
)
@click.option(
    "--recording",
    "recordings",
    multiple=True,
    type=FilePath(),
    help="The recording of a --correction, in the same order (repeatable).",
)
@click.option("--anew", is_flag=True, help="Forget what was learned of the speaker before.")
@click.option("--measure", is_flag=True, help="Do not adapt; measure on --corpus what it is worth.")
@click.option("--corpus", "corpora", multiple=True, metavar="NAME=DIR", help="With --measure.")
@click.option(
    "--draws", type=click.IntRange(1, 100), default=10, show_default=True, help="With --measure."
)
@feature_options
@lending_options
def adapt(clips: tuple[Path, ...], **given: Any) -> int:
    """Fit a head to one speaker, from CLIPS of that person alone.

    CLIPS are audio files, folders of them, a folder per emotion, a .list, a reference bank, or logs/<exp> of
    a GPT-SoVITS. Five clips without labels help; three labelled ones of each emotion help most. The head
    itself is not changed: what was learned is kept in a file of the speaker's own, used with
    'annotate --speaker NAME', shown by 'speakers show' and deleted by 'speakers forget'.
    """
    if given["measure"]:
        _measure(given)
        return 0
    if not given["speaker"] or not (clips or given["corrections"]):
        raise click.UsageError("name the speaker (--speaker NAME) and clips of that speaker")
    if len(given["recordings"]) not in (0, len(given["corrections"])):
        raise click.UsageError("name one --recording for each --correction, or none")
    from gpt_sovits_emotion.heads import head_folders
    from gpt_sovits_emotion.heads.profiles import (
        begin_profile,
        find_replay,
        load_profile,
        save_profile,
    )
    from gpt_sovits_emotion.training.adapt import learn

    engines = open_engines_for({**given, "speaker": None})  # whose profile is being made
    head = engines.tagger
    profile = None if given["anew"] else load_profile(head, given["speaker"])
    profile = profile or begin_profile(head, given["speaker"])
    profile = _with_clips(profile, clips, given["label"], engines)
    for number, transcript in enumerate(given["corrections"]):
        recording = given["recordings"][number] if given["recordings"] else None
        profile = _with_correction(profile, transcript, recording, engines)
    folders = head_folders(given["heads_dirs"])
    if given["head"] and Path(given["head"]).is_dir():
        folders = (Path(given["head"]), *folders)
    replay = find_replay(head, folders)
    if replay is None and profile.corrections:
        say(
            f"note: head {head.card.id} keeps no replay rows; fine-tuning does without, a little worse"
        )
    profile = learn(head, profile, replay=replay)
    folder = save_profile(profile)
    echo(profile.say().en)
    _say_counts(profile)
    say(f"kept in {folder}; use it with --speaker {given['speaker']}")
    return 0


def _with_clips(
    profile: SpeakerProfile, paths: Sequence[Path], label: str | None, engines: Engines
) -> SpeakerProfile:
    from gpt_sovits_emotion.labels import canonical_label
    from gpt_sovits_emotion.training.adapt_sources import SpeakerClip, find_clips

    found = [clip for path in paths for clip in find_clips(path)]
    if label is not None:
        wanted = canonical_label(label)
        if wanted not in profile.labels:
            raise click.BadParameter(
                f"{label!r} is none of the head's labels: {', '.join(profile.labels)}",
                param_hint="--label",
            )
        found = [SpeakerClip(clip.path, clip.label or wanted) for clip in found]
    unknown = sorted({clip.label for clip in found} - {"", *profile.labels})
    if unknown:
        say(
            f"note: the head knows no {', '.join(unknown)}; these clips count as clips without labels"
        )
        found = [clip if clip.label in profile.labels else SpeakerClip(clip.path) for clip in found]
    return _embedded(profile, found, engines)


def _embedded(
    profile: SpeakerProfile, clips: Sequence[SpeakerClip], engines: Engines
) -> SpeakerProfile:
    """Add clips to a profile, the labelled ones as one batch; what cannot be read is passed over."""
    import numpy as np

    from gpt_sovits_emotion.errors import AudioError, CorpusError
    from gpt_sovits_emotion.heads.profiles import add, add_unlabelled

    unlabelled: list[np.ndarray] = []
    rows: list[np.ndarray] = []
    labels: list[str] = []
    sources: list[str] = []
    problem: AudioError | None = None
    with progress_bar("listening") as progress:
        for number, clip in enumerate(clips):
            progress(number / len(clips), clip.path.name)
            try:
                heard = _listen(clip, engines)
            except AudioError as error:
                problem = error
                say(f"note: {clip.path.name} is passed over: {error}")
                continue
            if clip.label:
                rows.append(heard)
                labels += [clip.label] * len(heard)
                sources += [clip.path.name] * len(heard)
            else:
                unlabelled.append(heard)
    if clips and not rows and not unlabelled:
        raise CorpusError(
            f"none of the {len(clips)} clips can be used; the last: {problem}"
        ) from problem
    if unlabelled:
        profile = add_unlabelled(profile, np.concatenate(unlabelled))
    return add(profile, np.concatenate(rows), labels, sources) if rows else profile


def _listen(clip: SpeakerClip, engines: Engines) -> np.ndarray:
    """Return ``(n_segments, dim)`` embeddings of a clip; a longer recording is cut into sentences."""
    from gpt_sovits_emotion.audio import open_recording
    from gpt_sovits_emotion.records import Segment
    from gpt_sovits_emotion.tag import embed_segments
    from gpt_sovits_emotion.transcribe import NO_MODEL, TranscribeOptions, transcribe

    with open_recording(clip.path, also_at_hz=engines.listening_rate_hz) as recording:
        whole: tuple[Segment, ...] = (Segment(0.0, recording.duration_s, ""),)
        if recording.duration_s > _LONGEST_CLIP_S and not clip.label:
            whole = transcribe(recording, TranscribeOptions(model=NO_MODEL)).segments
            least = engines.tagger.card.min_duration_s
            whole = tuple(segment for segment in whole if segment.duration_s >= least)
        return embed_segments(whole, recording, engines.analyser)


_LONGEST_CLIP_S = 15.0


def _with_correction(
    profile: SpeakerProfile, transcript: Path, recording: Path | None, engines: Engines
) -> SpeakerProfile:
    """Add the segments whose labels a person corrected; the others of the recording have no label."""
    from gpt_sovits_emotion.audio import open_recording
    from gpt_sovits_emotion.errors import CorpusError
    from gpt_sovits_emotion.heads.profiles import add, add_unlabelled
    from gpt_sovits_emotion.tag import embed_segments
    from gpt_sovits_emotion.transcript_io import read_json

    document = read_json(transcript)
    path = recording or transcript.parent / document.recording.name
    corrected = [each for each in document.segments if each.corrected_label in profile.labels]
    if not corrected:
        raise CorpusError(
            f"{transcript} has no corrected label that the head knows ({', '.join(profile.labels)}); correct "
            "labels in the tab, save the transcript, and name it again"
        )
    least = engines.tagger.card.min_duration_s
    others = [
        each
        for each in document.segments
        if each.corrected_label is None and each.scores and each.segment.duration_s >= least
    ]
    with open_recording(path, also_at_hz=engines.listening_rate_hz) as opened:
        analyser = engines.analyser
        rows = embed_segments([each.segment for each in corrected], opened, analyser)
        rest = embed_segments([each.segment for each in others], opened, analyser)
    labels = [each.label for each in corrected]
    sources = [f"{path.name} {each.segment.start_s:.1f} s" for each in corrected]
    return add(add_unlabelled(profile, rest), rows, labels, sources)


def _say_counts(profile: SpeakerProfile) -> None:
    counts = profile.counts
    if any(counts.values()):
        say("labelled: " + ", ".join(f"{label} {count}" for label, count in counts.items()))
        missing = [label for label, count in counts.items() if not count]
        if missing:
            say(f"note: a labelled clip of {', '.join(missing)} would help too")


# --- measuring ---------------------------------------------------------------------------------------


def _measure(given: dict[str, Any]) -> None:
    from gpt_sovits_emotion.training.adapt_measure import evaluate_adaptation
    from gpt_sovits_emotion.training.corpora import open_corpora
    from gpt_sovits_emotion.training.embed import embed_corpus
    from gpt_sovits_emotion.training.fit import recipe_for

    if not given["corpora"]:
        raise click.UsageError("name the corpora to measure on: --corpus NAME=DIR")
    encoder_id = head_for(given).card.encoder.id  # heads like it are fitted and measured
    encoder = encoder_for(given, encoder_id)
    with opened_cache(given) as cache:
        with progress_bar("corpora") as reading:
            corpora = open_corpora(given["corpora"], progress=reading)
        for corpus in corpora:
            with progress_bar(corpus.name) as progress:
                data = embed_corpus(
                    corpus,
                    encoder,
                    cache=cache,
                    n_jobs=given["jobs"],
                    progress=part_of(progress, 0.0, 0.5),
                )
                scores = evaluate_adaptation(
                    data,
                    recipe=recipe_for(encoder_id),
                    n_draws=given["draws"],
                    progress=part_of(progress, 0.5, 1.0),
                )
            echo(
                f"{corpus.name}: {len(data.labels)} clips, {len(data.classes)} classes, one speaker held out "
                f"at a time; UAR in % on the speaker's other clips, {given['draws']} draws"
            )
            for score in scores:
                echo(_line(score))


def _line(score: AdaptationScore) -> str:
    what = {
        "none": "nothing known of the speaker",
        "unlabelled": f"{score.count} clips without labels",
        "labelled": f"{score.count} labelled of each emotion",
        "bank_unlabelled": "half of them, without labels",
        "bank": f"own bank, {score.count} clips per emotion",
    }[score.kind]
    low, high = score.uar_interval
    only = (
        f"  (mean alone {100 * score.mean_only_uar:.1f})"
        if score.kind in ("labelled", "bank")
        else ""
    )
    return (
        f"  {what:30} {score.mean_clips:5.1f} clips  UAR {100 * score.uar:5.1f} "
        f"[{100 * low:.1f}-{100 * high:.1f}] +-{100 * score.spread:.1f}  WA {100 * score.wa:5.1f}  "
        f"ECE {score.ece:.3f}{only}"
    )
