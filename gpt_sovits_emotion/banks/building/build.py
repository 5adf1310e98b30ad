"""Build a bank: from what a person has, to clips of which all is known that a choice needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from gpt_sovits_emotion.backends.base import never
from gpt_sovits_emotion.banks import load_bank, set_teaching
from gpt_sovits_emotion.banks.building.adaptation_sets import (
    as_a_person_filed,
    has_labels,
    plan_lesson,
)
from gpt_sovits_emotion.banks.building.embeddings import Listeners, RowStore, listeners_for
from gpt_sovits_emotion.banks.building.hearing import PROSODY, STORED
from gpt_sovits_emotion.banks.building.journal import Journal, journal_path, only_build
from gpt_sovits_emotion.banks.building.labelling import files_of, judge, once_each
from gpt_sovits_emotion.banks.building.measured import Measured
from gpt_sovits_emotion.banks.building.recordings import cut_recording
from gpt_sovits_emotion.banks.building.reporter import Reporter
from gpt_sovits_emotion.banks.building.sources import RECORDING, Sources, find_sources
from gpt_sovits_emotion.banks.building.stages import (
    Looked,
    embed_clips,
    listen_to_clips,
    look_at_clips,
    measured_clip,
    words_of_clips,
)
from gpt_sovits_emotion.banks.building.teaching import Taught, forget_bank, teach
from gpt_sovits_emotion.banks.building.texts import (
    MOST_UNASKED,
    Compared,
    compare_texts,
    hears_words,
)
from gpt_sovits_emotion.banks.library.bank import clips_elsewhere
from gpt_sovits_emotion.banks.library.layouts.files import is_file
from gpt_sovits_emotion.banks.library.sidecar import (
    Sidecar,
    read_sidecar,
    sidecar_path,
    write_sidecar,
)
from gpt_sovits_emotion.core.errors import ReferenceBankError
from gpt_sovits_emotion.core.files import write_bytes
from gpt_sovits_emotion.core.locking import lock_beside, locked
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.progress import Progress, no_progress, part_of
from gpt_sovits_emotion.core.records import ReferenceBank, ReferenceClip, Sentence
from gpt_sovits_emotion.encoders.feature_cache import FeatureCache
from gpt_sovits_emotion.engines import Engines
from gpt_sovits_emotion.heads.profiles import head_digest
from gpt_sovits_emotion.transcription import TranscribeOptions

__all__ = ["build_bank"]

_CUTTING = 0.15  # the share of progress that cutting a recording is
_SECONDS_PER_CLIP = {"looking": 0.005, "listening": 0.1, "embedding": 0.6, "words": 1.5}


def build_bank(
    source: str | Path,
    *,
    engines: Engines,
    whisper: TranscribeOptions | None = None,
    to: Path | None = None,
    clips: Path | None = None,
    language: str | None = None,
    cache: FeatureCache | None = None,
    n_jobs: int = 1,
    learn: bool | None = None,
    check_texts: bool | None = None,
    progress: Progress = no_progress,
    cancelled: Callable[[], bool] = never,
) -> ReferenceBank:
    """Listen to every clip of a voice, and write what is known of it into the bank's sidecar.

    The clips and whatever lies beside them are only read. What was found out is kept in a journal beside the
    sidecar: a build that was stopped or killed goes on where it was, and one that is run again listens to
    those clips alone that have changed since. Built twice from the same files it gives the same sidecar, but
    for the date.

    Args:
        source: See `sources.find_sources`.
        engines: Whose tagging head listens; its backend need not speak.
        whisper: What hears the words of clips that have none; None, or the model ``none``: nobody.
        to: For a recording alone, the folder its clips go to; ``<name>.bank`` beside it when None.
        clips: Of a list, a folder in which its clips are looked for first; the sidecar remembers it.
        language: What is spoken in the clips that do not say.
        cache: Where embeddings are kept for trainings, too; the journal keeps them when None.
        n_jobs: Processes that listen.
        learn: Whether clips that carry a person's own labels fit the head to the voice (`teaching`); the
            sidecar remembers a refusal. None: as it remembers, at first yes.
        check_texts: Whether Whisper listens if given texts are what is said (`texts`); None: if it is on this
            machine and there are not too many.
        progress: Told how far it is, with the time left.
        cancelled: Asked between clips.

    Returns:
        The bank as `banks.load_bank` loads it from now on.

    Raises:
        ReferenceBankError: There is nothing to build from, none of the clips can be used, the sidecar that is
            there is damaged or of a newer version, another build is running, or `cancelled` said yes.
        HeadMismatchError: The head does not fit what is provided.
        BackendError: The provider cannot load what it would provide, or has run out of memory.
        WhisperModelError: The model is not there, or does not load.
        OutputError: The sidecar or the journal cannot be written.
    """
    sources, notes = _prepared(
        find_sources(source, clips=clips), to, part_of(progress, 0.0, _CUTTING), cancelled
    )
    if notes:
        progress = part_of(progress, _CUTTING, 1.0)
    beside = sidecar_path(sources.path)
    before = _sidecar(beside)  # one that cannot be read is told of before any work
    _check_any_is_there(sources)
    with ExitStack() as held:
        with_lock = held.enter_context(only_build(beside))
        leftovers = held.enter_context(_Leftovers(beside, with_lock))
        if learn is not None and before is not None:
            set_teaching(beside, learn)
        journal = held.enter_context(Journal(journal_path(beside)))
        build = _Build(
            sources, engines, journal, cache, whisper, language, n_jobs, learn, check_texts, before
        )
        sidecar = build.run(notes, progress, cancelled)
        with leftovers.of_no_use():
            sidecar = _kept(sidecar, beside, learn)
            bank = load_bank(beside)
        journal.forget_unused()
    if not sidecar.teaches:
        forget_bank(beside)
        bank = load_bank(beside)
    progress(1.0, "the bank is built")
    return bank


def _kept(sidecar: Sidecar, beside: Path, learn: bool | None) -> Sidecar:
    """Write the sidecar with the pins and the refusal that a person may have given meanwhile; return it."""
    with locked(lock_beside(beside)):
        now = _sidecar(beside)
        pinned = replace(sidecar.bank, pins=now.pins if now else {})
        teaches = learn if learn is not None else now is None or now.teaches
        sidecar = replace(sidecar, bank=pinned, teaches=teaches)
        write_sidecar(beside, sidecar)
    return sidecar


class _Leftovers:
    """What a build wrote beside clips of which none can be used: it goes, and what was there stays.

    A build that was stopped leaves its journal, with which the next one goes on.

    Args:
        beside: The sidecar.
        lock: The lock that the build holds.
    """

    def __init__(self, beside: Path, lock: Path) -> None:
        self._beside = beside
        self._before = beside.read_bytes() if beside.is_file() else None
        self._journal = journal_path(beside)
        self._new = [lock, lock_beside(beside)] if self._before is None else []
        self._new += [self._journal] if not self._journal.exists() else []
        self._useless = False

    @contextmanager
    def of_no_use(self) -> Iterator[None]:
        """Take back what is written inside where it turns out that no clip can be used."""
        try:
            yield
        except ReferenceBankError:
            self._useless = True
            if self._before is None:
                self._beside.unlink(missing_ok=True)
            else:
                write_bytes(self._beside, self._before)
            raise

    def __enter__(self) -> _Leftovers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._useless:
            for path in self._new:
                path.unlink(missing_ok=True)


def _sidecar(beside: Path) -> Sidecar | None:
    return read_sidecar(beside) if beside.is_file() else None


def _prepared(
    sources: Sources, to: Path | None, progress: Progress, cancelled: Callable[[], bool]
) -> tuple[Sources, list[Sentence]]:
    """Cut a recording into clips; leave anything else as it is."""
    if sources.layout == RECORDING:
        cutting = cut_recording(sources.path, to=to, progress=progress, cancelled=cancelled)
        return replace(find_sources(cutting.folder), voice=sources.voice), [cutting.note]
    if to is not None:
        raise ReferenceBankError(
            tr(
                "{path} is no recording that is cut into clips, so nothing goes to {to}: the bank stays "
                "where its clips are; leave out --to (refs export writes a copy)",
                path=sources.path,
                to=to,
            )
        )
    return sources, []


def _check_any_is_there(sources: Sources) -> None:
    """Refuse clips that are all elsewhere before anything is written beside them."""
    paths = [clip.path for clip in sources.clips]
    if not paths or any(map(is_file, paths)):
        return
    if sources.path.suffix.casefold() == ".list":
        raise clips_elsewhere(sources.root, paths)
    raise ReferenceBankError(
        tr(
            "none of the clips that {path} names is there ({name}, …); copy them to where it says, or "
            "correct its paths",
            path=sources.path,
            name=paths[0].name,
        )
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Build:
    """One build, stage by stage."""

    sources: Sources
    engines: Engines
    journal: Journal
    cache: FeatureCache | None
    whisper: TranscribeOptions | None
    language: str | None
    n_jobs: int
    learn: bool | None
    check_texts: bool | None
    before: Sidecar | None

    def run(
        self,
        notes: Sequence[Sentence],
        progress: Progress,
        cancelled: Callable[[], bool],
    ) -> Sidecar:
        """Go through all stages and return what the sidecar is to say."""
        sources, head = self.sources, self.engines.tagger
        listeners = listeners_for(
            self.engines, n_clips=len(sources.clips), n_stored=sources.n_stored
        )
        reporter = self._reporter(progress, cancelled)
        looked = look_at_clips(sources.clips, self.journal, reporter)
        measured, compared = self._measured(looked, listeners, reporter)
        taught = self._taught(measured)
        judged = judge(
            measured,
            head,
            voice=sources.voice,
            known_speaker=self.engines.speaker,
            taught=taught,
        )
        bank = ReferenceBank(
            voice=sources.voice,
            root=sources.root,
            layout=sources.layout,
            clips=self._remembered(judged.clips),
            synthetic=sources.synthetic,
            settings=sources.settings,
            head_id=head.card.id,
            notes=tuple(
                note for note in (*notes, listeners.note, compared.note, *judged.notes) if note
            ),
        )
        return Sidecar(
            bank=bank,
            contents=files_of(measured),
            head_digest=head_digest(head),
            encoder_fingerprint=head.card.encoder.fingerprint,
            speaker=judged.speaker,
            clips_folder=sources.clips_folder,
            built_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        )

    def _taught(self, measured: Sequence[Measured]) -> Taught | None:
        """Let the clips that a person labelled fit the head; one that is fitted to a speaker stays so."""
        head = self.engines.tagger
        if self.engines.speaker is not None or not has_labels(self.sources, head):
            return None
        contents = {path: content.sha256 for path, content in files_of(measured).items()}
        lesson = plan_lesson(self.sources, contents, head, allowed=self.learn)
        rows = once_each(measured, head.card.min_duration_s)
        return teach(lesson, head, folders=self.engines.folders, embed=lambda _: rows)

    def _remembered(self, clips: Sequence[ReferenceClip]) -> tuple[ReferenceClip, ...]:
        """Keep in mind which labels of the layout a head has written into it (an exported bank)."""
        sources = as_a_person_filed(self.sources.clips, self.before)
        return tuple(
            replace(clip, emotion=source.emotion, filed_by="head")
            if clip.filed_by == "person" and source.filed_by == "head"
            else clip
            for clip, source in zip(clips, sources, strict=True)
        )

    def _measured(
        self, looked: Looked, listeners: Listeners, reporter: Reporter
    ) -> tuple[list[Measured], Compared]:
        store = RowStore(self.journal, self.cache)
        heard = listen_to_clips(
            looked,
            listeners,
            journal=self.journal,
            store=store,
            prosody_dim=self.engines.tracker.dim,
            n_jobs=self.n_jobs,
            reporter=reporter,
        )
        embedded = embed_clips(looked, heard, listeners, store=store, reporter=reporter)
        words, compared, language = {}, Compared(), self.language or ""
        if self.whisper is not None and hears_words(self.whisper):
            words = words_of_clips(
                looked,
                heard,
                self.whisper,
                language=language,
                journal=self.journal,
                reporter=reporter,
            )
            compared = compare_texts(
                looked.first,
                heard,
                self.whisper,
                language=language,
                asked=self.check_texts,
                journal=self.journal,
                reporter=reporter,
            )
        measured = [
            measured_clip(clip, looked, heard, embedded, words, compared, language=language)
            for clip in self.sources.clips
        ]
        return measured, compared

    def _reporter(self, progress: Progress, cancelled: Callable[[], bool]) -> Reporter:
        """Share the progress out by how long each stage takes, roughly."""
        clips = self.sources.clips
        seconds = dict(_SECONDS_PER_CLIP)
        seconds["listening"] /= max(self.n_jobs, 1)
        parts = self.engines.tagger.card.encoder.id.split("+")
        if all(part == PROSODY or (part == STORED and self.sources.n_stored) for part in parts):
            seconds["embedding"] = 0.01
        weights = {name: each * len(clips) for name, each in seconds.items()}
        n_silent = sum(not clip.text for clip in clips) if hears_words(self.whisper) else 0
        weights["words"] = seconds["words"] * n_silent
        n_given = len(clips) - n_silent if hears_words(self.whisper) else 0
        checks = self.check_texts or (self.check_texts is None and n_given <= MOST_UNASKED)
        weights["texts"] = seconds["words"] * n_given if checks else 0.0
        return Reporter(progress, cancelled, weights)
