"""What does the work: heads, the host that lends them their encoders, and the host that speaks.

A head and an encoder are brought together anew for every tagging. In a running WebUI the models are
replaced while we look: what was fitting a minute ago may be another voice now, and must not be kept alive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gpt_sovits_emotion.audio import ANALYSIS_RATE_HZ, read_clip, resample
from gpt_sovits_emotion.encoders import open_encoder, parse_encoder_id
from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.encoders.fused import FusedEncoder
from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
from gpt_sovits_emotion.errors import EncoderError, HeadMismatchError
from gpt_sovits_emotion.heads import Head, find_head, head_folders
from gpt_sovits_emotion.heads.profiles import SpeakerProfile, for_speaker, known_speaker
from gpt_sovits_emotion.hosts.base import Host
from gpt_sovits_emotion.records import Audio, Prosody, ReferenceClip, SpeakerStatistics
from gpt_sovits_emotion.tag import Analyser, Describer

__all__ = ["DEFAULT_HEAD", "Engines", "bind", "embedded_host", "lend_encoder", "open_engines"]

DEFAULT_HEAD = "prosody-emodb"


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
    """

    tagger: Head
    judging: Head
    lender: Host
    host: Host
    tracker: Describer
    speaker: SpeakerStatistics | None = None
    _prosody_of_clip: dict[Path, Prosody] = field(default_factory=dict)

    @property
    def analyser(self) -> Analyser:
        """The tagging head with its encoder as it is lent at this moment. Raises what `bind` raises."""
        return replace(bind(self.tagger, self.lender, self.tracker), speaker=self.speaker)

    @property
    def judge(self) -> Analyser:
        """The judging head with its encoder as it is lent at this moment. Raises what `bind` raises."""
        return bind(self.judging, self.lender, self.tracker)

    def for_speaker(self, profile: SpeakerProfile) -> Engines:
        """Return these engines with the tagging head fitted to a speaker; the judge stays as it is.

        Raises:
            HeadMismatchError: The profile belongs to another head, or to other weights, or the head is
                fitted to a speaker already.
        """
        head, statistics = for_speaker(self.tagger, profile)
        return replace(self, tagger=head, speaker=statistics)

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


def open_engines(
    *,
    head: str | Path = DEFAULT_HEAD,
    judge: str | Path | None = None,
    heads_dirs: Sequence[str | Path] = (),
    host: Host | None = None,
    lender: Host | None = None,
    speaker: str | None = None,
) -> Engines:
    """Load the heads, and make sure that their encoders can be lent.

    Args:
        head: Id or folder of the head that tags.
        judge: Id or folder of the head that listens to the outputs; the same as `head` when None.
        heads_dirs: Further folders of heads.
        host: Who speaks; the embedded one when None.
        lender: Who lends the encoders; the one who speaks when None.
        speaker: Name of a speaker that the tagging head was fitted to (`heads.profiles`).

    Raises:
        HeadError: A head is missing, broken, or does not fit what the lender has at this moment; nothing
            was learned of this speaker, or for other weights.
        HostError: The lender cannot load what it would lend.
    """
    tracker = ProsodyEncoder()
    host = host or embedded_host(tracker)
    folders = head_folders(heads_dirs)
    tagger = find_head(head, folders)
    judging = tagger if judge is None else find_head(judge, folders)
    engines = Engines(tagger, judging, lender or host, host, tracker)
    for opened in {id(tagger): tagger, id(judging): judging}.values():
        bind(opened, engines.lender, tracker)
    return engines if speaker is None else engines.for_speaker(known_speaker(tagger, speaker))


def bind(head: Head, lender: Host, tracker: Describer) -> Analyser:
    """Bring a head together with its encoder.

    A host may have several models of one kind: a fine-tuned style encoder that is loaded, and its base on
    the disk. The first whose weights are those that the head was trained on is taken; of a fused encoder so
    for each of its parts.

    Raises:
        HeadMismatchError: The lender has no such encoder, or only with other weights.
        HostError: The lender cannot load what it would lend.
    """
    spec = head.card.encoder
    if spec.id == tracker.id:
        return Analyser(head, tracker, tracker)
    parts = spec.id.split("+")
    missing = [part for part in parts if not _is_lent(part, lender, tracker)]
    if missing:
        raise HeadMismatchError(
            f"head {head.card.id!r} reads the encoder {' and '.join(map(repr, missing))}, which "
            f"{lender.title.en} does not lend "
            f"(it lends {', '.join(sorted(lender.lends))}); choose another head (heads list)",
            zh=f"情感模型 {head.card.id!r} 需要编码器 {'、'.join(map(repr, missing))}，"
            f"而 {lender.title.zh} 不提供"
            f"（提供的有：{'、'.join(sorted(lender.lends))}）；请换一个情感模型（heads list）",
        )
    fingerprints = spec.fingerprint.split("+")
    if len(fingerprints) != len(parts):
        fingerprints = [""] * len(parts)  # none fits; the analyser says how they differ
    found = []
    for part, fingerprint in zip(parts, fingerprints, strict=True):
        encoder = _first_that_fits(part, fingerprint, lender, tracker)
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


def lend_encoder(encoder_id: str, lender: Host, tracker: Describer) -> Encoder:
    """Open an encoder without a head, to train one on it.

    Args:
        encoder_id: As `encoders.parse_encoder_id` reads it.
        lender: Who lends what it needs; of several models of one kind its first is taken.
        tracker: Taken for ``prosody``.

    Raises:
        EncoderError: There is no such encoder, or the lender has nothing for it.
        HostError: The lender cannot load what it would lend.
    """
    if encoder_id == tracker.id:
        return tracker
    name = parse_encoder_id(encoder_id)
    found = []
    for part in name.parts or (name,):
        if not _is_lent(part.id, lender, tracker):
            raise EncoderError(
                f"the encoder {part.id!r} needs {part.family}, which {lender.title.en} does not lend "
                f"(it lends {', '.join(sorted(lender.lends))}); name a GPT-SoVITS that has it with "
                "--checkout, or choose the encoder prosody",
                zh=f"编码器 {part.id!r} 需要 {part.family}，而 {lender.title.zh} 不提供（提供的有："
                f"{'、'.join(sorted(lender.lends))}）；请用 --checkout 指定包含它的 GPT-SoVITS，"
                "或选择编码器 prosody",
            )
        encoder = _first_that_fits(part.id, None, lender, tracker)
        if encoder is None:
            raise EncoderError(
                f"the encoder {part.id!r} needs {part.family}, and {lender.title.en} has none of that kind "
                "loaded at this moment; load a model, or choose another encoder",
                zh=f"编码器 {part.id!r} 需要 {part.family}，而 {lender.title.zh} 目前没有加载这类模型；"
                "请加载模型，或换一个编码器",
            )
        found.append(encoder)
    return found[0] if len(found) == 1 else FusedEncoder(found)


def _is_lent(encoder_id: str, lender: Host, tracker: Describer) -> bool:
    return encoder_id == tracker.id or encoder_id.partition(":")[0] in lender.lends


def _first_that_fits(
    encoder_id: str, fingerprint: str | None, lender: Host, tracker: Describer
) -> Encoder | None:
    """Return the encoder on the first model with these weights, else on the first; None if there is none."""
    if encoder_id == tracker.id:
        return tracker
    first: Encoder | None = None
    for lent in lender.lend(parse_encoder_id(encoder_id).family):
        encoder = open_encoder(encoder_id, lent)
        if fingerprint is None or encoder.fingerprint == fingerprint:
            return encoder
        first = first or encoder
    return first


def embedded_host(tracker: ProsodyEncoder) -> Host:
    """Return the host that comes with this package; `tracker` measures its reference clips."""
    from gpt_sovits_emotion.hosts.embedded import EmbeddedHost

    def measure(audio: Audio) -> Prosody:
        audio = resample(audio, ANALYSIS_RATE_HZ)
        return tracker.summarise(tracker.tracks(audio), duration_s=audio.duration_s)

    return EmbeddedHost(measure=measure)
