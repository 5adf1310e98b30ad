"""What does the work: heads, the host that lends them their encoders, and the host that speaks.

A head and an encoder are brought together anew for every tagging. In a running WebUI the models are
replaced while we look: what was fitting a minute ago may be another voice now, and must not be kept alive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gpt_sovits_emotion.audio import ANALYSIS_RATE_HZ, read_clip, resample
from gpt_sovits_emotion.encoders import WHISPER, open_encoder, parse_encoder_id
from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.encoders.fused import FusedEncoder
from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
from gpt_sovits_emotion.errors import (
    EmotionError,
    EncoderError,
    HeadMismatchError,
    WhisperModelError,
)
from gpt_sovits_emotion.heads import Head, find_head, head_folders
from gpt_sovits_emotion.heads.files import CARD_NAME
from gpt_sovits_emotion.heads.profiles import SpeakerProfile, for_speaker, known_speaker
from gpt_sovits_emotion.hosts.base import Host
from gpt_sovits_emotion.lending import Lent
from gpt_sovits_emotion.records import Audio, Prosody, ReferenceClip, Sentence, SpeakerStatistics
from gpt_sovits_emotion.tag import Analyser, Describer
from gpt_sovits_emotion.whisper_models import WhisperModels

__all__ = [
    "DEFAULT_HEAD",
    "WHISPER_HEAD",
    "Engines",
    "bind",
    "default_head",
    "embedded_host",
    "folders_with",
    "lend_encoder",
    "open_engines",
]

DEFAULT_HEAD = "prosody-emodb"
"""The head that works everywhere."""
WHISPER_HEAD = "whisper-base-free"
"""The head that hears better, where Whisper base is."""


@dataclass(frozen=True, slots=True, eq=False)
class Engines:
    """What does the work.

    Attributes:
        tagger: The head that tags.
        judging: The head that listens to what was said again.
        lender: Who lends the heads their encoders.
        host: Who speaks.
        tracker: Measures prosody, for explanations; an encoder too.
        speaker: Statistics of the speaker that `tagger` was fitted to; None where nobody is known.
        whisper: Where heads on Whisper find it.
        note: Why the tagging head is not the one that is usually taken; None where it is.
        folders: Where heads lie, with the replay rows that speakers are taught with.
    """

    tagger: Head
    judging: Head
    lender: Host
    host: Host
    tracker: Describer
    speaker: SpeakerStatistics | None = None
    whisper: WhisperModels = field(default_factory=WhisperModels)
    note: Sentence | None = None
    folders: tuple[Path, ...] = ()
    _prosody_of_clip: dict[Path, Prosody] = field(default_factory=dict)
    _held: dict[str, Encoder] = field(default_factory=dict)

    @property
    def analyser(self) -> Analyser:
        """The tagging head with its encoder as it is lent at this moment. Raises what `bind` raises."""
        return replace(self._bound(self.tagger), speaker=self.speaker)

    @property
    def judge(self) -> Analyser:
        """The judging head with its encoder as it is lent at this moment. Raises what `bind` raises."""
        return self._bound(self.judging)

    def _bound(self, head: Head) -> Analyser:
        """Bind a head, and keep Whisper's layers for the next time: nobody else has them loaded."""
        analyser = bind(head, self.lender, self.tracker, self.whisper)
        encoder = analyser.encoder
        for part in encoder.parts if isinstance(encoder, FusedEncoder) else (encoder,):
            if part.id.startswith(WHISPER):
                self._held[part.id] = part
        return analyser

    def for_speaker(self, profile: SpeakerProfile) -> Engines:
        """Return these engines with the tagging head fitted to a speaker; the judge stays as it is.

        Raises:
            HeadMismatchError: The profile belongs to another head, or to other weights, or the head is
                fitted to a speaker already.
        """
        head, statistics = for_speaker(self.tagger, profile)
        return replace(self, tagger=head, speaker=statistics)

    def judge_for(self, profile: SpeakerProfile) -> tuple[Engines, SpeakerStatistics | None]:
        """Return these engines with the judge fitted to the voice that speaks, and its statistics.

        Raises:
            HeadMismatchError: The profile belongs to another head, or to other weights.
        """
        head, statistics = for_speaker(self.judging, profile)
        return replace(self, judging=head), statistics

    @property
    def listening_rate_hz(self) -> int:
        """The rate at which the tagging head's encoder wants its audio."""
        return self.tagger.card.encoder.sampling_rate_hz

    def reference_prosody(self, clip: ReferenceClip) -> Prosody:
        """Measure a reference clip, at the level it has on disk; measured once."""
        if clip.path not in self._prosody_of_clip:
            audio = read_clip(clip.path)
            prosody = self.tracker.summarise(
                self.tracker.tracks(audio), duration_s=audio.duration_s
            )
            if prosody.loudness_dbfs is not None:
                # Reading raised a quiet clip; a soft emotion is to be spoken as softly as it is kept.
                prosody = replace(prosody, loudness_dbfs=prosody.loudness_dbfs - audio.gain_db)
            self._prosody_of_clip[clip.path] = prosody
        return self._prosody_of_clip[clip.path]


def default_head(folders: Sequence[Path], whisper: WhisperModels) -> tuple[str, Sentence | None]:
    """Return the head that is taken where nobody names one, and why it is not the better one.

    Args:
        folders: Of heads.
        whisper: Where heads on Whisper find it.

    Returns:
        `WHISPER_HEAD` where it is installed and its model is on this machine, else `DEFAULT_HEAD`; with a
        sentence where only the model is missing.
    """
    if not any((folder / WHISPER_HEAD / CARD_NAME).is_file() for folder in folders):
        return DEFAULT_HEAD, None
    if whisper.has(f"{WHISPER}base"):
        return WHISPER_HEAD, None
    return DEFAULT_HEAD, _fallen_back(whisper.absent("base"))


def folders_with(head: str | Path | None, folders: Sequence[Path]) -> tuple[Path, ...]:
    """Return folders of heads, before them that of a head that was named by its folder."""
    named = head is not None and Path(head).is_dir()
    return (Path(head), *folders) if named and head is not None else tuple(folders)


def _fallen_back(error: EmotionError) -> Sentence:
    return Sentence(
        f"tagging with {DEFAULT_HEAD}, which hears less than {WHISPER_HEAD} would: {error}",
        f"使用 {DEFAULT_HEAD} 标注，效果不如 {WHISPER_HEAD}：{error.say('zh')}",
    )


def open_engines(
    *,
    head: str | Path | None = None,
    judge: str | Path | None = None,
    heads_dirs: Sequence[str | Path] = (),
    host: Host | None = None,
    lender: Host | None = None,
    speaker: str | None = None,
    whisper: WhisperModels | None = None,
) -> Engines:
    """Load the heads, and make sure that their encoders can be lent.

    Args:
        head: Id or folder of the head that tags; `default_head` when None.
        judge: Id or folder of the head that listens to the outputs; the same as `head` when None.
        heads_dirs: Further folders of heads.
        host: Who speaks; the embedded one when None.
        lender: Who lends the encoders; the one who speaks when None.
        speaker: Name of a speaker that the tagging head was fitted to (`heads.profiles`).
        whisper: Where heads on Whisper find it; what is on this machine when None.

    Raises:
        HeadError: A head is missing, broken, or does not fit what the lender has at this moment; nothing
            was learned of this speaker, or for other weights.
        HostError: The lender cannot load what it would lend.
        WhisperModelError: The Whisper that a head reads is damaged.
    """
    tracker = ProsodyEncoder()
    host = host or embedded_host(tracker)
    whisper = whisper or WhisperModels()
    folders = head_folders(heads_dirs)
    name, note = default_head(folders, whisper) if head is None else (head, None)
    opened = Engines(
        tagger := find_head(name, folders),
        tagger if judge is None else find_head(judge, folders),
        lender or host,
        host,
        tracker,
        whisper=whisper,
        note=note,
        folders=folders_with(judge, folders_with(head, folders)),
    )
    try:
        engines = _checked(opened)
    except EmotionError as error:
        if head is not None or name == DEFAULT_HEAD:
            raise
        tagger = find_head(DEFAULT_HEAD, folders)
        judging = tagger if judge is None else opened.judging
        engines = _checked(
            replace(opened, tagger=tagger, judging=judging, note=_fallen_back(error))
        )
    return engines if speaker is None else engines.for_speaker(known_speaker(tagger, speaker))


def _checked(engines: Engines) -> Engines:
    """Bind every head once, so that what does not fit is told before any work is done."""
    for head in {id(head): head for head in (engines.tagger, engines.judging)}.values():
        engines._bound(head)
    return engines


def bind(
    head: Head, lender: Host, tracker: Describer, whisper: WhisperModels | None = None
) -> Analyser:
    """Bring a head together with its encoder.

    A host may have several models of one kind: a fine-tuned style encoder that is loaded, and its base on
    the disk; and there may be several Whispers of one size. The first whose weights are those that the head
    was trained on is taken; of a fused encoder so for each of its parts.

    Args:
        head: The head.
        lender: Who lends what is not Whisper's.
        tracker: Taken for ``prosody``.
        whisper: Where Whisper is found; what is on this machine when None.

    Raises:
        HeadMismatchError: The lender has no such encoder, or only with other weights; or there is no Whisper
            of this size.
        HostError: The lender cannot load what it would lend.
        WhisperModelError: The Whisper that the head reads is damaged.
    """
    spec = head.card.encoder
    if spec.id == tracker.id:
        return Analyser(head, tracker, tracker)
    parts = spec.id.split("+")
    sources = _Sources(lender, tracker, whisper or WhisperModels(), head.encoder_file)
    missing = [part for part in parts if not sources.has(part)]
    if missing:
        raise _missing(head, missing, sources)
    fingerprints = spec.fingerprint.split("+")
    if len(fingerprints) != len(parts):
        fingerprints = [""] * len(parts)  # none fits; the analyser says how they differ
    found = []
    for part, fingerprint in zip(parts, fingerprints, strict=True):
        encoder = _first_that_fits(part, fingerprint, sources)
        if encoder is None:
            raise HeadMismatchError(
                f"head {head.card.id!r} reads the encoder {part!r}, and {lender.title.en} has none of that "
                "kind loaded at this moment; load a model, or choose another head (heads list)",
                zh=f"情感模型 {head.card.id!r} 需要编码器 {part!r}，"
                f"而 {lender.title.zh} 目前没有加载这类编码器；请加载模型，或换一个情感模型（heads list）",
            )
        found.append(encoder)
    # Where the weights are others, the analyser says how they differ.
    return Analyser(head, found[0] if len(found) == 1 else FusedEncoder(found), tracker)


def _missing(head: Head, missing: Sequence[str], sources: _Sources) -> HeadMismatchError:
    """Return what a head lacks: Whisper, which can be had, goes before what only a host has."""
    for part in missing:
        family = part.partition(":")[0]
        if family.startswith(WHISPER):
            absent = sources.whisper.absent(family.removeprefix(WHISPER))
            return HeadMismatchError(
                f"head {head.card.id!r} reads the encoder {part!r}, and {absent}; or choose another head "
                "(heads list)",
                zh=f"情感模型 {head.card.id!r} 需要编码器 {part!r}，而{absent.say('zh')}；"
                "或换一个情感模型（heads list）",
            )
    lender = sources.lender
    return HeadMismatchError(
        f"head {head.card.id!r} reads the encoder {' and '.join(map(repr, missing))}, which "
        f"{lender.title.en} does not lend "
        f"(it lends {', '.join(sorted(lender.lends))}); choose another head (heads list)",
        zh=f"情感模型 {head.card.id!r} 需要编码器 {'、'.join(map(repr, missing))}，"
        f"而 {lender.title.zh} 不提供"
        f"（提供的有：{'、'.join(sorted(lender.lends))}）；请换一个情感模型（heads list）",
    )


def lend_encoder(
    encoder_id: str,
    lender: Host,
    tracker: Describer,
    whisper: WhisperModels | None = None,
    *,
    fingerprint: str | None = None,
) -> Encoder:
    """Open an encoder without a head, to train one on it.

    Args:
        encoder_id: As `encoders.parse_encoder_id` reads it.
        lender: Who lends what it needs; of several models of one kind its first is taken.
        tracker: Taken for ``prosody``.
        whisper: Where Whisper is found; what is on this machine when None.
        fingerprint: Of an encoder that is not fused: the weights that are taken where they are among those
            lent.

    Raises:
        EncoderError: There is no such encoder, or the lender has nothing for it.
        HostError: The lender cannot load what it would lend.
        WhisperModelError: The Whisper that it reads is not there, or damaged.
    """
    if encoder_id == tracker.id:
        return tracker
    name = parse_encoder_id(encoder_id)
    sources = _Sources(lender, tracker, whisper or WhisperModels())
    found = []
    for part in name.parts or (name,):
        if not sources.has(part.id) and part.whisper_size is not None:
            raise sources.whisper.absent(part.whisper_size)
        if not sources.has(part.id):
            raise EncoderError(
                f"the encoder {part.id!r} needs {part.family}, which {lender.title.en} does not lend "
                f"(it lends {', '.join(sorted(lender.lends))}); name a GPT-SoVITS that has it with "
                "--checkout, or choose the encoder prosody",
                zh=f"编码器 {part.id!r} 需要 {part.family}，而 {lender.title.zh} 不提供（提供的有："
                f"{'、'.join(sorted(lender.lends))}）；请用 --checkout 指定包含它的 GPT-SoVITS，"
                "或选择编码器 prosody",
            )
        encoder = _first_that_fits(part.id, fingerprint, sources)
        if encoder is None:
            raise EncoderError(
                f"the encoder {part.id!r} needs {part.family}, and {lender.title.en} has none of that kind "
                "loaded at this moment; load a model, or choose another encoder",
                zh=f"编码器 {part.id!r} 需要 {part.family}，而 {lender.title.zh} 目前没有加载这类模型；"
                "请加载模型，或换一个编码器",
            )
        found.append(encoder)
    return found[0] if len(found) == 1 else FusedEncoder(found)


@dataclass(frozen=True, slots=True)
class _Sources:
    """Everybody who lends encoders.

    Attributes:
        lender: The host.
        tracker: The prosody encoder.
        whisper: Where Whisper is.
        own: The part of Whisper that the head carries.
    """

    lender: Host
    tracker: Describer
    whisper: WhisperModels
    own: Path | None = None

    def has(self, encoder_id: str) -> bool:
        """Say whether somebody lends it, as far as can be seen without loading anything."""
        family = encoder_id.partition(":")[0]
        if family.startswith(WHISPER):
            may_come = self.own is not None or self.whisper.allow_download
            return may_come or self.whisper.has(family)
        return encoder_id == self.tracker.id or family in self.lender.lends

    def lend(self, family: str) -> Iterator[Lent]:
        """Yield what is lent for a family, the best first."""
        if family.startswith(WHISPER):
            return self.whisper.lend(family, own=self.own)
        return self.lender.lend(family)


def _first_that_fits(encoder_id: str, fingerprint: str | None, sources: _Sources) -> Encoder | None:
    """Return the encoder on the first model with these weights, else on the first; None if there is none."""
    if encoder_id == sources.tracker.id:
        return sources.tracker
    first: Encoder | None = None
    problem: WhisperModelError | None = None
    for lent in sources.lend(parse_encoder_id(encoder_id).family):
        try:
            encoder = open_encoder(encoder_id, lent)
            if fingerprint is None or encoder.fingerprint == fingerprint:
                return encoder
        except WhisperModelError as error:  # a damaged folder does not hide a sound one elsewhere
            problem = problem or error
            continue
        first = first or encoder
    if first is None and problem is not None:
        raise problem
    return first


def embedded_host(tracker: ProsodyEncoder) -> Host:
    """Return the host that comes with this package; `tracker` measures its reference clips."""
    from gpt_sovits_emotion.hosts.embedded import EmbeddedHost

    def measure(audio: Audio) -> Prosody:
        audio = resample(audio, ANALYSIS_RATE_HZ)
        return tracker.summarise(tracker.tracks(audio), duration_s=audio.duration_s)

    return EmbeddedHost(measure=measure)
