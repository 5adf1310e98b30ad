"""Embed a corpus, with altered copies for training; what was embedded before comes from the cache."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gpt_sovits_emotion.core import workers as interpreters
from gpt_sovits_emotion.core.errors import AudioError, CorpusError, EncoderError
from gpt_sovits_emotion.core.messages import in_both, of_count, tr
from gpt_sovits_emotion.core.progress import Progress, no_progress, part_of
from gpt_sovits_emotion.core.records import Audio, Sentence
from gpt_sovits_emotion.core.workers import Answer, Ended
from gpt_sovits_emotion.encoders.base import AveragingEncoder, Encoder
from gpt_sovits_emotion.encoders.feature_cache import FeatureCache, content_digest, feature_key
from gpt_sovits_emotion.encoders.fused import FusedEncoder
from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
from gpt_sovits_emotion.training.augmentation import (
    AS_IT_IS,
    Augmentation,
    copies_for,
    embed_clip,
    not_finite,
    read_clip_at,
    refusal,
)
from gpt_sovits_emotion.training.corpora import Clip, Corpus
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings

__all__ = ["embed_corpus", "embed_in_processes", "serve"]

_CLIP = ""  # the clip as it is, among its versions
_MOST_UNREADABLE = 0.05
_BATCHES_AHEAD = 8  # how many batches' worth of audio is read before it is sorted by length
_CLIPS_PER_LOOK = 256  # whose cached features are asked for at once
_FEWEST_FOR_PROCESSES = 8  # clips: an interpreter takes as long to start as these take


def embed_corpus(
    corpus: Corpus,
    encoder: Encoder,
    *,
    copies: Mapping[str, Augmentation] | None = None,
    cache: FeatureCache | None = None,
    n_jobs: int = 1,
    progress: Progress = no_progress,
) -> LabelledEmbeddings:
    """Embed every clip of a corpus and its altered copies.

    A clip counts as done once all its versions are embedded; with a cache, a run that is stopped goes on at
    the clip where it was. The parts of a fused encoder are embedded, and kept, one by one.

    Args:
        corpus: The clips.
        encoder: What embeds them. One that says ``batch_s`` (see `encoders.base.BatchingEncoder`) is
            given clips of similar length together.
        copies: Name -> alteration; `copies_for` the encoder when None.
        cache: Where embeddings are kept; None keeps nothing.
        n_jobs: Processes for the prosody encoder; a provided encoder works where it was provided.
        progress: Told after each clip.

    Returns:
        The embeddings of all clips that could be embedded, in the order of the corpus; ``skipped`` says
        which could not, and why.

    Raises:
        CorpusError: More than one clip in twenty is unreadable, too short for the encoder, or gives values
            that are no numbers.
        BackendError: A provided encoder has run out of memory.
    """
    versions = {_CLIP: AS_IT_IS, **(copies_for(encoder.id) if copies is None else copies)}
    parts = encoder.parts if isinstance(encoder, FusedEncoder) else (encoder,)
    tables, means = [], []
    for number, part in enumerate(parts):
        share = part_of(progress, number / len(parts), (number + 1) / len(parts))
        once, passes, averaged = _passes_of(part, versions)
        tables.append(_embed_all(corpus.clips, once, passes, cache, n_jobs, share))
        means.append(np.mean([tables[-1].rows[name] for name in averaged], axis=0))
    problems = dict(ChainMap(*(table.problems for table in tables)))
    _check_share(problems, len(corpus.clips))
    embedded = [index for index in range(len(corpus.clips)) if index not in problems]
    clips = [corpus.clips[index] for index in embedded]
    rows = {
        name: _side_by_side([table.rows[name] for table in tables], embedded) for name in versions
    }
    single = rows.pop(_CLIP)
    averages = any(isinstance(part, AveragingEncoder) for part in parts)
    return LabelledEmbeddings(
        embeddings=_side_by_side(means, embedded) if averages else single,
        labels=np.array([clip.emotion for clip in clips]),
        speakers=np.array([clip.speaker for clip in clips]),
        texts=np.array([clip.text for clip in clips]),
        copies=rows,
        corpora=np.array([clip.corpus or corpus.name for clip in clips]),
        skipped=tuple(problems[index] for index in sorted(problems)),
        once=single if averages else None,
    )


@dataclass(slots=True, eq=False)
class _Table:
    """What one encoder makes of the clips: version -> ``(n_clips, dim)``, and why a row is empty."""

    rows: dict[str, np.ndarray]
    problems: dict[int, Sentence] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Task:
    """A clip with the versions of it that are still to be embedded, and where to keep them."""

    index: int
    path: Path
    versions: Mapping[str, Augmentation]
    keys: Mapping[str, bytes]


def _passes_of(
    encoder: Encoder, versions: Mapping[str, Augmentation]
) -> tuple[Encoder, dict[str, Augmentation], list[str]]:
    """Return who hears single passes, what there is to hear, and which of it the embedding is the mean of."""
    if not isinstance(encoder, AveragingEncoder):
        return encoder, dict(versions), [_CLIP]
    name_of = {alteration: name for name, alteration in versions.items()}
    passes = {
        name_of.get(Augmentation(speed=speed), f"pass at {speed:g}"): Augmentation(speed=speed)
        for speed in encoder.speeds
    }
    return encoder.once, {**versions, **passes}, list(passes)


def _embed_all(
    clips: Sequence[Clip],
    encoder: Encoder,
    versions: Mapping[str, Augmentation],
    cache: FeatureCache | None,
    n_jobs: int,
    progress: Progress,
) -> _Table:
    rows = {name: np.zeros((len(clips), encoder.dim), np.float32) for name in versions}
    table = _Table(rows)
    tasks = _look_up(clips, encoder, versions, cache, rows)
    n_done = len(clips) - len(tasks)
    progress(n_done / max(len(clips), 1), f"{n_done} of {len(clips)} clips are embedded already")
    by_index = {task.index: task for task in tasks}
    try:
        with closing(_answers(tasks, encoder, n_jobs)) as answers:
            for index, answer in answers:
                task = by_index[index]
                if isinstance(answer, Sentence):
                    table.problems[index] = answer
                    _check_share(table.problems, len(clips))
                else:
                    for name, row in zip(task.versions, answer, strict=True):
                        rows[name][index] = row
                    if cache is not None:
                        fresh = zip(task.versions, answer, strict=True)
                        cache.keep({task.keys[name]: row for name, row in fresh if task.keys})
                n_done += 1
                progress(n_done / len(clips), f"embedding {task.path.name}")
    finally:
        if cache is not None:
            cache.flush()
    return table


def _look_up(
    clips: Sequence[Clip],
    encoder: Encoder,
    versions: Mapping[str, Augmentation],
    cache: FeatureCache | None,
    rows: Mapping[str, np.ndarray],
) -> list[_Task]:
    """Fill `rows` with what the cache has, and return what is missing."""
    if cache is None:
        return [_Task(index, clip.path, versions, {}) for index, clip in enumerate(clips)]
    tasks = []
    encoder_id, fingerprint = encoder.id, encoder.fingerprint
    for start in range(0, len(clips), _CLIPS_PER_LOOK):
        stop = min(start + _CLIPS_PER_LOOK, len(clips))
        keys = [_keys(clip.path, versions, encoder_id, fingerprint) for clip in clips[start:stop]]
        found = cache.find([key for some in keys for key in some.values()], dim=encoder.dim)
        for index, own in zip(range(start, stop), keys, strict=True):
            missing = {}
            for name, alteration in versions.items():
                row = found.get(own.get(name, b""))
                if row is None:
                    missing[name] = alteration
                else:
                    rows[name][index] = row
            if missing:
                tasks.append(_Task(index, clips[index].path, missing, own))
    return tasks


def _keys(
    path: Path, versions: Mapping[str, Augmentation], encoder_id: str, fingerprint: str
) -> dict[str, bytes]:
    """Return a key per version; none for a file that cannot be read, which embedding it will tell."""
    try:
        content = content_digest(path)
    except OSError:
        return {}
    return {
        name: feature_key(
            content, encoder_id=encoder_id, fingerprint=fingerprint, alteration=alteration.spelled
        )
        for name, alteration in versions.items()
    }


def _answers(
    tasks: Sequence[_Task], encoder: Encoder, n_jobs: int
) -> Generator[tuple[int, np.ndarray | Sentence], None, None]:
    """Yield each clip's number with ``(n_versions, dim)``, or with why it cannot be embedded."""
    worth_it = n_jobs > 1 and len(tasks) >= _FEWEST_FOR_PROCESSES and interpreters.can_start()
    if worth_it and isinstance(encoder, ProsodyEncoder):
        yield from embed_in_processes(
            [(task.index, task.path, task.versions) for task in tasks], n_jobs=n_jobs
        )
    elif getattr(encoder, "batch_s", 0.0) > 0:
        yield from _in_batches(tasks, encoder)
    else:
        for task in tasks:
            yield task.index, embed_clip(task.path, encoder, task.versions)


def _in_batches(
    tasks: Sequence[_Task], encoder: Encoder
) -> Iterator[tuple[int, np.ndarray | Sentence]]:
    """Read some minutes ahead, sort by length, and embed clips of similar length together."""
    batch_s: float = encoder.batch_s  # type: ignore[attr-defined]
    ahead: list[tuple[_Task, list[Audio]]] = []
    read_s = 0.0
    for task in tasks:
        try:
            audio = read_clip_at(task.path, encoder.sampling_rate_hz)
        except AudioError as error:
            yield task.index, refusal(task.path, error)
            continue
        ahead.append((task, [change.apply(audio) for change in task.versions.values()]))
        read_s += audio.duration_s * len(task.versions)
        if read_s >= _BATCHES_AHEAD * batch_s:
            yield from _sorted_batches(ahead, encoder, batch_s)
            ahead, read_s = [], 0.0
    yield from _sorted_batches(ahead, encoder, batch_s)


def _sorted_batches(
    ahead: list[tuple[_Task, list[Audio]]], encoder: Encoder, batch_s: float
) -> Iterator[tuple[int, np.ndarray | Sentence]]:
    ahead.sort(key=lambda item: -max(audio.duration_s for audio in item[1]))
    batch: list[tuple[_Task, list[Audio]]] = []
    for item in ahead:
        longest_s = max(audio.duration_s for audio in (batch or [item])[0][1])
        n_audios = sum(len(audios) for _, audios in batch) + len(item[1])
        if batch and longest_s * n_audios > batch_s:
            yield from _embed_batch(batch, encoder)
            batch = []
        batch.append(item)
    if batch:
        yield from _embed_batch(batch, encoder)


def _embed_batch(
    batch: Sequence[tuple[_Task, list[Audio]]], encoder: Encoder
) -> Iterator[tuple[int, np.ndarray | Sentence]]:
    try:
        rows = encoder.encode([audio for _, audios in batch for audio in audios])
    except EncoderError as error:
        if len(batch) == 1:
            yield batch[0][0].index, refusal(batch[0][0].path, error)
            return
        for item in batch:  # one of them is at fault, and the others are not to suffer for it
            yield from _embed_batch([item], encoder)
        return
    start = 0
    for task, audios in batch:
        own = rows[start : start + len(audios)]
        start += len(audios)
        yield task.index, own if np.isfinite(own).all() else not_finite(task.path, encoder)


def _check_share(problems: Mapping[int, Sentence], n_clips: int) -> None:
    """Refuse a corpus of which more than one clip in twenty cannot be embedded."""
    if len(problems) <= _MOST_UNREADABLE * n_clips:
        return
    first = problems[min(problems)]
    raise CorpusError(
        tr(
            "{problems} of {n_clips} could not be embedded, which is more than {most_unreadable:.0%}; "
            "the first: {first}. Repair or remove them and run again",
            problems=len(problems),
            most_unreadable=_MOST_UNREADABLE,
            n_clips=of_count(n_clips, "clip"),
            first=in_both(first.en.rstrip("."), first.zh.rstrip("。")),
        )
    )


def _side_by_side(tables: Sequence[np.ndarray], kept: Sequence[int]) -> np.ndarray:
    if len(tables) == 1 and len(kept) == len(tables[0]):
        return tables[0]
    return np.concatenate([table[kept] for table in tables], axis=1)


def embed_in_processes(
    tasks: Sequence[tuple[int, Path, Mapping[str, Augmentation]]], *, n_jobs: int
) -> Generator[tuple[int, np.ndarray | Sentence], None, None]:
    """Embed clips with the prosody encoder, one pass each, in the order in which they are done.

    Args:
        tasks: Per clip a number to know it by, its file, and the versions of it to embed.
        n_jobs: How many processes.

    Yields:
        The number, and ``(n_versions, dim)`` float32 or the reason why there is none. A process that dies
        of a clip counts as a reason, and is replaced.
    """
    paths = {number: path for number, path, _ in tasks}
    questions = [
        (
            number,
            {
                "path": str(path.absolute()),
                "versions": {name: asdict(alteration) for name, alteration in versions.items()},
            },
        )
        for number, path, versions in tasks
    ]
    asked = interpreters.ask_all(questions, module=__name__, n_jobs=n_jobs)
    with closing(asked) as answers:
        for number, answer in answers:
            yield number, _embedded(answer, paths[number])


def _embedded(answer: Answer | Ended, path: Path) -> np.ndarray | Sentence:
    if isinstance(answer, Ended):
        return tr(
            "{path}: the process that embedded it ended with code {code}",
            path=path.name,
            code=answer.code,
        )
    if "en" in answer.header:
        return Sentence.from_dict(answer.header)
    return np.frombuffer(answer.data, "<f4").astype(np.float32).reshape(answer.header["shape"])


def serve() -> None:
    """Answer questions from standard input until it is closed. Runs in a process of its own."""
    from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder

    encoder = ProsodyEncoder().once

    def answer(question: dict[str, Any]) -> Answer:
        versions = {name: Augmentation(**fields) for name, fields in question["versions"].items()}
        embedded = embed_clip(Path(question["path"]), encoder, versions)
        if isinstance(embedded, Sentence):
            return Answer(embedded.to_dict())
        return Answer({"shape": embedded.shape}, np.ascontiguousarray(embedded, "<f4").tobytes())

    interpreters.serve(answer)
