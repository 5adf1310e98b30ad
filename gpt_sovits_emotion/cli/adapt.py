"""``adapt CLIPS… --speaker NAME``: fit a head to one speaker; ``--measure``: what that is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpt_sovits_emotion.cli.adapt_measure import measure_adaptation
from gpt_sovits_emotion.cli.arguments import BadValue, FilePath, Misuse, Place
from gpt_sovits_emotion.cli.console import echo, progress_bar, say
from gpt_sovits_emotion.cli.language import language
from gpt_sovits_emotion.cli.options import (
    feature_options,
    heads_dir_option,
    lending_options,
    open_engines_for,
)
from gpt_sovits_emotion.cli.results import PARTLY_DONE
from gpt_sovits_emotion.cli.settings import FeatureSettings, ModelSettings, with_settings
from gpt_sovits_emotion.core.counting import beside_chinese
from gpt_sovits_emotion.core.labels import display_name
from gpt_sovits_emotion.core.messages import in_both, of_error, tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from gpt_sovits_emotion.engines import Engines
    from gpt_sovits_emotion.heads import Head
    from gpt_sovits_emotion.heads.profiles import SpeakerProfile
    from gpt_sovits_emotion.training.corpora.folders import SpeakerClip

__all__ = ["adapt"]

_Addition = Callable[["SpeakerProfile"], "SpeakerProfile"]
"""Adds what was heard in clips to a profile, whichever state that is in by then."""


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
    type=FilePath(exists=True),
    help="A transcript (our .json) in which you corrected labels, with its recording beside it or named "
    "with --recording (repeatable).",
)
@click.option(
    "--recording",
    "recordings",
    multiple=True,
    type=FilePath(exists=True),
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
@with_settings(models=ModelSettings, features=FeatureSettings)
def adapt(
    clips: tuple[Path, ...],
    label: str | None,
    corrections: tuple[Path, ...],
    recordings: tuple[Path, ...],
    anew: bool,
    measure: bool,
    corpora: tuple[str, ...],
    draws: int,
    models: ModelSettings,
    features: FeatureSettings,
) -> int:
    """Fit a head to one speaker, from CLIPS of that person alone.

    CLIPS are audio files, folders of them, a folder per emotion, a .list, a reference bank, or logs/<exp> of
    a GPT-SoVITS. Five clips without labels help; three labelled ones of each emotion help most. The head
    itself is not changed: what was learned is kept in a file of the speaker's own, used with
    'annotate --speaker NAME', shown by 'speakers show' and deleted by 'speakers forget'.

    The exit code is 0 when all CLIPS could be read, 3 when some were passed over.
    """
    if measure:
        measure_adaptation(corpora, draws, models, features)
        return 0
    if not models.speaker or not (clips or corrections):
        raise Misuse(tr("name the speaker (--speaker NAME) and clips of that speaker"))
    if len(recordings) not in (0, len(corrections)):
        raise Misuse(tr("name one --recording for each --correction, or none"))
    from gpt_sovits_emotion.heads.profiles import begin_profile, load_profile
    from gpt_sovits_emotion.training.corpora.folders import find_clips

    found = [clip for path in clips for clip in find_clips(path)]
    corrected = _corrected(corrections, recordings)
    engines = open_engines_for(replace(models, speaker=None))  # whose profile is being made
    speaker, head = models.speaker, engines.tagger
    blank = begin_profile(head, speaker)
    if not anew:
        load_profile(head, speaker)  # one that cannot be used is told of before any work
    first, n_passed_over = _from_clips(found, label, blank.labels, engines)
    additions = [first]
    for transcript, recording in corrected:
        additions.append(_from_correction(transcript, recording, blank.labels, engines))
    profile, folder = _learned(blank, additions, head, models, anew=anew)
    echo(profile.say().say(language()))
    _say_counts(profile)
    say(tr("kept in {folder}; use it with --speaker {speaker}", folder=folder, speaker=speaker))
    return PARTLY_DONE if n_passed_over else 0


def _corrected(corrections: Sequence[Path], recordings: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Return the corrected transcripts, each with its recording.

    Raises:
        AudioError: A recording is not there, or cannot be opened.
        TranscriptError: A transcript is not there, or none of ours.
    """
    from gpt_sovits_emotion.audio import check_file
    from gpt_sovits_emotion.transcripts import read_json

    found = []
    for number, transcript in enumerate(corrections):
        beside = transcript.parent / read_json(transcript).recording.name
        recording = recordings[number] if recordings else beside
        check_file(recording)
        found.append((transcript, recording))
    return found


def _learned(
    blank: SpeakerProfile,
    additions: Sequence[_Addition],
    head: Head,
    models: ModelSettings,
    *,
    anew: bool,
) -> tuple[SpeakerProfile, Path]:
    """Add what was heard to what is known by now, learn from all of it, and keep it; return where, too.

    What somebody else has added while we listened is loaded with the rest: nothing of it is lost.
    """
    from gpt_sovits_emotion.heads import head_folders
    from gpt_sovits_emotion.heads.profiles import (
        changing_profiles,
        find_replay,
        load_profile,
        save_profile,
    )
    from gpt_sovits_emotion.training.adapt import learn

    folders = head_folders(models.heads_dirs)
    if models.head and Path(models.head).is_dir():
        folders = (Path(models.head), *folders)
    replay = find_replay(head, folders)
    with changing_profiles():
        profile = (None if anew else load_profile(head, blank.speaker)) or blank
        for added_to in additions:
            profile = added_to(profile)
        if replay is None and profile.corrections:
            say(
                tr(
                    "note: head {card} keeps no replay rows; fine-tuning does without, a little worse",
                    card=head.card.id,
                )
            )
        profile = learn(head, profile, replay=replay)
        return profile, save_profile(profile)


def _from_clips(
    found: Sequence[SpeakerClip], label: str | None, labels: Sequence[str], engines: Engines
) -> tuple[_Addition, int]:
    from gpt_sovits_emotion.core.labels import canonical_label
    from gpt_sovits_emotion.training.corpora.folders import SpeakerClip

    if label is not None:
        wanted = canonical_label(label)
        if wanted not in labels:
            raise BadValue(
                tr(
                    "{label!r} is none of the head's labels: {labels}",
                    label=label,
                    labels=", ".join(labels),
                ),
                param_hint="--label",
            )
        found = [SpeakerClip(clip.path, clip.label or wanted) for clip in found]
    unknown = sorted({clip.label for clip in found} - {"", *labels})
    if unknown:
        names = ", ".join(unknown)
        say(
            tr(
                "note: the head knows no {names}; these clips count as clips without labels",
                names=names,
            )
        )
        found = [clip if clip.label in labels else SpeakerClip(clip.path) for clip in found]
    return _embedded(found, engines)


def _embedded(clips: Sequence[SpeakerClip], engines: Engines) -> tuple[_Addition, int]:
    """Listen to clips, the labelled ones as one batch; return how many could not be read, too."""
    import numpy as np

    from gpt_sovits_emotion.core.errors import AudioError, CorpusError
    from gpt_sovits_emotion.heads.profiles import add, add_unlabelled

    unlabelled: list[np.ndarray] = []
    rows: list[np.ndarray] = []
    labels: list[str] = []
    sources: list[str] = []
    problem: AudioError | None = None
    n_passed_over = 0
    with progress_bar("listening") as progress:
        for number, clip in enumerate(clips):
            progress(number / len(clips), clip.path.name)
            try:
                heard = _listen(clip, engines)
            except AudioError as error:
                problem = error
                n_passed_over += 1
                say(
                    tr(
                        "note: {path} is passed over: {error}",
                        path=clip.path.name,
                        error=of_error(error),
                    )
                )
                continue
            if clip.label:
                rows.append(heard)
                labels += [clip.label] * len(heard)
                sources += [clip.path.name] * len(heard)
            else:
                unlabelled.append(heard)
    if problem is not None and not rows and not unlabelled:
        raise CorpusError(
            tr(
                "{value} be used; the last: {problem}",
                value=in_both(
                    "the only clip cannot"
                    if len(clips) == 1
                    else f"none of the {len(clips)} clips can",
                    len(clips),
                ),
                problem=of_error(problem),
            )
        ) from problem

    def added_to(profile: SpeakerProfile) -> SpeakerProfile:
        if unlabelled:
            profile = add_unlabelled(profile, np.concatenate(unlabelled))
        return add(profile, np.concatenate(rows), labels, sources) if rows else profile

    return added_to, n_passed_over


def _listen(clip: SpeakerClip, engines: Engines) -> np.ndarray:
    """Return ``(n_segments, dim)`` embeddings of a clip; a longer recording is cut into sentences."""
    from gpt_sovits_emotion.audio import open_recording
    from gpt_sovits_emotion.core.records import Segment
    from gpt_sovits_emotion.tagging import embed_segments
    from gpt_sovits_emotion.transcription import NO_MODEL, TranscribeOptions, transcribe

    with open_recording(clip.path, also_at_hz=engines.listening_rate_hz) as recording:
        whole: tuple[Segment, ...] = (Segment(0.0, recording.duration_s, ""),)
        if recording.duration_s > _LONGEST_CLIP_S and not clip.label:
            whole = transcribe(recording, TranscribeOptions(model=NO_MODEL)).segments
            least = engines.tagger.card.min_duration_s
            whole = tuple(segment for segment in whole if segment.duration_s >= least)
        return embed_segments(whole, recording, engines.analyser)


_LONGEST_CLIP_S = 15.0


def _from_correction(
    transcript: Path, recording: Path, known: Sequence[str], engines: Engines
) -> _Addition:
    """Listen to the segments whose labels a person corrected; the recording's others have no label."""
    from gpt_sovits_emotion.audio import open_recording
    from gpt_sovits_emotion.core.errors import CorpusError
    from gpt_sovits_emotion.heads.profiles import add, add_unlabelled
    from gpt_sovits_emotion.tagging import embed_segments
    from gpt_sovits_emotion.transcripts import read_json

    document = read_json(transcript)
    corrected = [each for each in document.segments if each.corrected_label in known]
    if not corrected:
        names = ", ".join(known)
        raise CorpusError(
            tr(
                "{transcript} has no corrected label that the head knows ({names}); correct labels in "
                "the tab, save the transcript, and name it again",
                transcript=transcript,
                names=names,
            )
        )
    least = engines.tagger.card.min_duration_s
    others = [
        each
        for each in document.segments
        if each.corrected_label is None and each.scores and each.segment.duration_s >= least
    ]
    with open_recording(recording, also_at_hz=engines.listening_rate_hz) as opened:
        analyser = engines.analyser
        rows = embed_segments([each.segment for each in corrected], opened, analyser)
        rest = embed_segments([each.segment for each in others], opened, analyser)
    labels = [each.label for each in corrected]
    sources = [f"{recording.name} {each.segment.start_s:.1f} s" for each in corrected]
    return lambda profile: add(add_unlabelled(profile, rest), rows, labels, sources)


def _say_counts(profile: SpeakerProfile) -> None:
    counts = profile.counts
    if any(counts.values()):
        listed = ", ".join(f"{label} {count}" for label, count in counts.items())
        listed_zh = "、".join(
            f"{display_name(label, 'zh')} {count}" for label, count in counts.items()
        )
        say(tr("labelled: {listed}", listed=in_both(listed, listed_zh)))
        missing = [label for label, count in counts.items() if not count]
        if missing:
            missing_zh = "、".join(display_name(label, "zh") for label in missing)
            say(
                tr(
                    "note: a labelled clip of {missing} would help too",
                    missing=in_both(", ".join(missing), beside_chinese(missing_zh)),
                )
            )
