"""The stages of a build, each going over all clips and asking the journal first."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gpt_sovits_emotion.banks.building.embeddings import Listeners, RowStore, embed_with_loaded
from gpt_sovits_emotion.banks.building.hearing import (
    HEARING,
    PROSODY,
    STORED,
    VOICE,
    ClipFacts,
    HeardClip,
    Question,
)
from gpt_sovits_emotion.banks.building.journal import Journal, Kept, key_of
from gpt_sovits_emotion.banks.building.measured import Measured
from gpt_sovits_emotion.banks.building.processes import hear_all
from gpt_sovits_emotion.banks.building.reporter import Reporter
from gpt_sovits_emotion.banks.building.sources import SourceClip
from gpt_sovits_emotion.banks.building.texts import Compared, Words, hear_words
from gpt_sovits_emotion.banks.library.layouts import language_of_text
from gpt_sovits_emotion.banks.library.overlay import GONE
from gpt_sovits_emotion.banks.library.sidecar import ClipContent
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.transcription import TranscribeOptions

__all__ = [
    "Embedded",
    "Looked",
    "embed_clips",
    "listen_to_clips",
    "look_at_clips",
    "measured_clip",
    "words_of_clips",
]

_SHORTEST_EMBEDDED_S = 0.2  # no encoder takes less


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """What the files hold.

    Attributes:
        contents: File -> its content, of those that can be read.
        problems: File -> why it cannot.
        first: SHA-256 -> the first clip of this content, which speaks for all of them.
    """

    contents: Mapping[Path, ClipContent]
    problems: Mapping[Path, Sentence]
    first: Mapping[str, SourceClip]


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """SHA-256 -> ``(dim,)`` for the head, or why there is none."""

    rows: Mapping[str, np.ndarray]
    remarks: Mapping[str, Sentence]


def look_at_clips(clips: Sequence[SourceClip], journal: Journal, reporter: Reporter) -> Looked:
    """Find out what the files hold. One that was read before and has its size and time still is not read."""
    contents: dict[Path, ClipContent] = {}
    problems: dict[Path, Sentence] = {}
    first: dict[str, SourceClip] = {}
    stage = reporter.stage("looking", "looking at clip", len(clips))
    for number, clip in enumerate(clips):
        stage.at(number, clip.path.name)
        if clip.problem is not None:
            continue
        if clip.path not in contents and clip.path not in problems:
            try:
                contents[clip.path] = journal.content(clip.path, name=str(clip.path.absolute()))
            except OSError as error:
                problems[clip.path] = _unreadable(error)
        if clip.path in contents:
            sha256 = contents[clip.path].sha256
            if sha256 not in first or (first[sha256].stored is None and clip.stored is not None):
                first[sha256] = clip
    return Looked(contents, problems, first)


def _unreadable(error: OSError) -> Sentence:
    if isinstance(error, FileNotFoundError):
        return GONE
    why = error.strerror or str(error)
    return tr("cannot be read: {why}", why=why)


# --- listening -------------------------------------------------------------------------------------


def listen_to_clips(
    looked: Looked,
    listeners: Listeners,
    *,
    journal: Journal,
    store: RowStore,
    prosody_dim: int,
    n_jobs: int,
    reporter: Reporter,
) -> dict[str, HeardClip]:
    """Listen to what has not been listened to before.

    Args:
        looked: The clips.
        listeners: Which embeddings are wanted on the way.
        journal: Where facts are kept.
        store: Where embeddings are kept.
        prosody_dim: Length of a prosody embedding.
        n_jobs: Processes.
        reporter: Told after each clip.

    Returns:
        SHA-256 -> what was heard.
    """
    stage = reporter.stage("listening", "listening to clip", len(looked.first))
    facts_keys = {sha256: key_of("facts", str(HEARING), sha256) for sha256 in looked.first}
    stored_keys = _stored_keys(looked) if listeners.reads_stored else {}
    wanted = list(looked.first) if listeners.reads_prosody else []
    prosody = store.find(wanted, listeners, PROSODY, prosody_dim)
    heard, questions = _recalled(looked, listeners, facts_keys, stored_keys, journal, prosody)
    n_done = len(heard) - len(questions)
    stage.at(n_done)
    order = list(questions)
    for number, answer in hear_all(list(enumerate(questions.values())), n_jobs=n_jobs):
        sha256 = order[number]
        _keep_facts(facts_keys[sha256], answer, journal)
        if PROSODY in answer.rows:
            store.keep(sha256, listeners, PROSODY, answer.rows[PROSODY])
        if STORED in answer.rows:
            journal.keep(stored_keys[sha256], Kept(numbers=answer.rows[STORED]))
        rows = {**heard[sha256].rows, **answer.rows}
        heard[sha256] = HeardClip(answer.facts, rows, answer.stored_problem)
        n_done += 1
        stage.at(n_done, questions[sha256].path.name)
    journal.flush()
    return heard


def _recalled(
    looked: Looked,
    listeners: Listeners,
    facts_keys: Mapping[str, bytes],
    stored_keys: Mapping[str, bytes],
    journal: Journal,
    prosody: Mapping[str, np.ndarray],
) -> tuple[dict[str, HeardClip], dict[str, Question]]:
    """Put together what is kept of each clip, and what is to be asked of those of which it is not all."""
    facts = journal.find(facts_keys.values())
    stored = journal.find(stored_keys.values())
    heard: dict[str, HeardClip] = {}
    questions: dict[str, Question] = {}
    for sha256, clip in looked.first.items():
        known, of_stored = facts.get(facts_keys[sha256]), stored.get(stored_keys.get(sha256, b""))
        rows = _recalled_rows(known, of_stored, prosody.get(sha256))
        wants_prosody = listeners.reads_prosody and sha256 not in prosody
        wants_stored = sha256 in stored_keys and of_stored is None
        if known is None or wants_prosody or wants_stored:
            features = clip.stored if wants_stored else None
            questions[sha256] = Question(clip.path, wants_prosody, features)
        heard[sha256] = HeardClip(_recalled_facts(known), rows)
    return heard, questions


def _stored_keys(looked: Looked) -> dict[str, bytes]:
    """Return the keys of stored features, which change with their file and with the clip."""
    keys = {}
    for sha256, clip in looked.first.items():
        if clip.stored is not None:
            try:
                status = clip.stored.stat()
            except OSError:
                continue  # gone since the folder was listed
            keys[sha256] = key_of("stored", sha256, f"{status.st_size} {status.st_mtime_ns}")
    return keys


def _keep_facts(key: bytes, answer: HeardClip, journal: Journal) -> None:
    """Keep what was measured; not a problem, which another build may not meet."""
    if answer.facts.problem is None:
        words = json.dumps(answer.facts.to_dict(), ensure_ascii=False)
        journal.keep(key, Kept(words, answer.rows.get(VOICE)))


def _recalled_facts(facts: Kept | None) -> ClipFacts:
    return ClipFacts(None) if facts is None else ClipFacts.from_dict(json.loads(facts.words))


def _recalled_rows(
    facts: Kept | None, stored: Kept | None, prosody: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Put together the rows that are kept of a clip."""
    rows: dict[str, np.ndarray] = {}
    if facts is not None and facts.numbers is not None and len(facts.numbers):
        rows[VOICE] = facts.numbers
    if prosody is not None:
        rows[PROSODY] = prosody
    if stored is not None and stored.numbers is not None:
        rows[STORED] = stored.numbers
    return rows


# --- embedding -------------------------------------------------------------------------------------


def embed_clips(
    looked: Looked,
    heard: Mapping[str, HeardClip],
    listeners: Listeners,
    *,
    store: RowStore,
    reporter: Reporter,
) -> Embedded:
    """Put every clip's embedding together, part by part, embedding what is neither heard nor kept."""
    usable = [
        sha256
        for sha256 in looked.first
        if heard[sha256].facts.problem is None
        and (heard[sha256].facts.duration_s or 0.0) >= _SHORTEST_EMBEDDED_S
    ]
    found: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
    remarks: dict[str, Sentence] = {}
    for part in listeners.parts:
        missing = []
        for sha256 in usable:
            row = heard[sha256].rows.get(part)
            if row is None:
                missing.append(sha256)
            else:
                found[sha256][part] = row
        encoder = listeners.loaded.get(part)
        if encoder is None:
            remarks.update({sha256: _without_stored(heard[sha256]) for sha256 in missing})
            continue
        kept = store.find(missing, listeners, part, encoder.dim)
        paths = {sha256: looked.first[sha256].path for sha256 in missing if sha256 not in kept}
        stage = reporter.stage("embedding", f"{part}: listening to clip", len(paths))
        for sha256, answer in embed_with_loaded(paths, encoder, told=stage.at):
            if isinstance(answer, Sentence):
                remarks[sha256] = answer
            else:
                kept[sha256] = answer
                store.keep(sha256, listeners, part, answer)
        for sha256, row in kept.items():
            found[sha256][part] = row
    store.flush()
    rows = {
        sha256: np.concatenate([found[sha256][part] for part in listeners.parts])
        for sha256 in usable
        if len(found[sha256]) == len(listeners.parts)
    }
    return Embedded(rows, remarks)


def _without_stored(heard: HeardClip) -> Sentence:
    if heard.stored_problem is not None:
        return heard.stored_problem
    return tr(
        "no emotion was heard: it has no stored HuBERT features, and nobody lends HuBERT (--checkout "
        "does)"
    )


# --- words, and everything together ----------------------------------------------------------------


def words_of_clips(
    looked: Looked,
    heard: Mapping[str, HeardClip],
    whisper: TranscribeOptions,
    *,
    language: str,
    journal: Journal,
    reporter: Reporter,
) -> dict[str, Words]:
    """Hear the words of the clips that have none. SHA-256 -> words."""
    silent = {
        sha256: (clip.path, clip.language or language)
        for sha256, clip in looked.first.items()
        if not clip.text and heard[sha256].facts.problem is None
    }
    stage = reporter.stage("words", "transcribing clip", len(silent))
    words = hear_words(silent, whisper, journal=journal, told=stage.at)
    journal.flush()
    return words


def measured_clip(
    clip: SourceClip,
    looked: Looked,
    heard: Mapping[str, HeardClip],
    embedded: Embedded,
    words: Mapping[str, Words],
    compared: Compared,
    *,
    language: str,
) -> Measured:
    """Put together all that is known of one clip by itself."""
    content = looked.contents.get(clip.path)
    if content is None:
        problem = clip.problem or looked.problems.get(clip.path)
        return Measured(clip, None, text=clip.text, language=clip.language, problem=problem)
    sha256 = content.sha256
    found = heard[sha256]
    said = words.get(sha256, Words("", ""))
    text = clip.text or said.text
    spoken = clip.language or language or (said.language if not clip.text else "")
    return Measured(
        clip,
        content,
        found.facts,
        found.rows.get(VOICE),
        embedded.rows.get(sha256),
        text,
        spoken or language_of_text(text),
        problem=found.facts.problem,
        remark=embedded.remarks.get(sha256),
        text_error=compared.errors.get((sha256, clip.text)),
        heard_text=compared.heard.get(sha256, ""),
    )
