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
from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
from gpt_sovits_emotion.errors import HeadMismatchError
from gpt_sovits_emotion.heads import Head, find_head, head_folders
from gpt_sovits_emotion.hosts.base import Host
from gpt_sovits_emotion.records import Audio, Prosody, ReferenceClip
from gpt_sovits_emotion.tag import Analyser, Describer

__all__ = ["DEFAULT_HEAD", "Engines", "bind", "open_engines"]

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
    """

    tagger: Head
    judging: Head
    lender: Host
    host: Host
    tracker: Describer
    _prosody_of_clip: dict[Path, Prosody] = field(default_factory=dict)

    @property
    def analyser(self) -> Analyser:
        """The tagging head with its encoder as it is lent at this moment. Raises what `bind` raises."""
        return bind(self.tagger, self.lender, self.tracker)

    @property
    def judge(self) -> Analyser:
        """The judging head with its encoder as it is lent at this moment. Raises what `bind` raises."""
        return bind(self.judging, self.lender, self.tracker)

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
) -> Engines:
    """Load the heads, and make sure that their encoders can be lent.

    Args:
        head: Id or folder of the head that tags.
        judge: Id or folder of the head that listens to the outputs; the same as `head` when None.
        heads_dirs: Further folders of heads.
        host: Who speaks; the embedded one when None.
        lender: Who lends the encoders; the one who speaks when None.

    Raises:
        HeadError: A head is missing, broken, or does not fit what the lender has at this moment.
        HostError: The lender cannot load what it would lend.
    """
    tracker = ProsodyEncoder()
    host = host or _embedded_host(tracker)
    folders = head_folders(heads_dirs)
    tagger = find_head(head, folders)
    judging = tagger if judge is None else find_head(judge, folders)
    engines = Engines(tagger, judging, lender or host, host, tracker)
    for opened in {id(tagger): tagger, id(judging): judging}.values():
        bind(opened, engines.lender, tracker)
    return engines


def bind(head: Head, lender: Host, tracker: Describer) -> Analyser:
    """Bring a head together with its encoder.

    A host may have several models of one kind: a fine-tuned style encoder that is loaded, and its base on
    the disk. The first whose weights are those that the head was trained on is taken.

    Raises:
        HeadMismatchError: The lender has no such encoder, or only with other weights.
        HostError: The lender cannot load what it would lend.
    """
    spec = head.card.encoder
    if spec.id == tracker.id:
        return Analyser(head, tracker, tracker)
    if spec.id.partition(":")[0] not in lender.lends:
        raise HeadMismatchError(
            f"head {head.card.id!r} reads the encoder {spec.id!r}, which {lender.title.en} does not lend "
            f"(it lends {', '.join(sorted(lender.lends))}); choose another head (heads list)",
            zh=f"情感模型 {head.card.id!r} 需要编码器 {spec.id!r}，而 {lender.title.zh} 不提供"
            f"（提供的有：{'、'.join(sorted(lender.lends))}）；请换一个情感模型（heads list）",
        )
    best: Encoder | None = None
    for lent in lender.lend(parse_encoder_id(spec.id).family):
        encoder = open_encoder(spec.id, lent)
        if encoder.fingerprint == spec.fingerprint:
            return Analyser(head, encoder, tracker)
        best = best or encoder
    if best is None:
        raise HeadMismatchError(
            f"head {head.card.id!r} reads the encoder {spec.id!r}, and {lender.title.en} has none of that "
            "kind loaded at this moment; load a model, or choose another head (heads list)",
            zh=f"情感模型 {head.card.id!r} 需要编码器 {spec.id!r}，"
            f"而 {lender.title.zh} 目前没有加载这类编码器；请加载模型，或换一个情感模型（heads list）",
        )
    return Analyser(head, best, tracker)  # which says how the best one differs


def _embedded_host(tracker: ProsodyEncoder) -> Host:
    from gpt_sovits_emotion.hosts.embedded import EmbeddedHost

    def measure(audio: Audio) -> Prosody:
        audio = resample(audio, ANALYSIS_RATE_HZ)
        return tracker.summarise(tracker.tracks(audio), duration_s=audio.duration_s)

    return EmbeddedHost(measure=measure)
