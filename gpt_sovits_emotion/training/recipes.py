"""How heads are trained: hyper-parameters by encoder, presets by name, and the plan of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.messages import of_list, tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.heads.folder import user_folder
from gpt_sovits_emotion.training.corpora import Corpus
from gpt_sovits_emotion.training.linear_maps import Part

__all__ = [
    "PRESETS",
    "Preset",
    "Recipe",
    "TrainingPlan",
    "head_id_for",
    "preset_named",
    "recipe_for",
]

_HUBERT_LAYER_DIM = 2 * 768  # mean and deviation of HuBERT-base, the only size there is


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a head is trained. Fixed before any test speaker is looked at.

    Attributes:
        hidden: Width of the hidden layer.
        dropout, input_dropout: Share of hidden units and of features dropped.
        mixup: Parameter of the Beta distribution that mixes pairs of training rows; 0 for none.
        label_smoothing: Share of each target spread over all classes.
        learning_rate, weight_decay: Of AdamW; the rate follows one cycle.
        n_epochs, batch_size: Passes over the training rows, rows per step; fewer rows where there would
            be under 240 steps in all.
        clip_z: Normalised features are clipped to plus or minus this.
        prior_segments: Weight of the training mean in a speaker's mean.
        n_members: Networks per mode, trained side by side; their logits are averaged.
        core: From where to where the columns lie that half of the networks see alone; where there are none,
            all see everything. Networks that see different things err differently, so that their mean errs
            less; and those that see less are quicker.
        seed: Of everything random.
        early_stopping: Hold every eighth speaker out and keep the epoch that predicts them best. So for
            encoders whose recipe was not chosen on data: the weights that they will have are the user's own.
        speaker_shrinkage: In mode ``global``, how strongly the directions in which the training
            speakers differ are shrunk (`linear_maps.SpeakerShrinkage`); 0 for not at all. It pays where
            no altered copies are trained on: they already stand for other speakers.
        heard: Fit one network for unseen speakers and known ones (`heads.moving`): every segment is trained
            on as often as there are numbers here, each time against so many other segments of its speaker; -1
            stands for all of them. Empty for one network per mode.
        balance_corpora: Every class of every corpus weighs the same; otherwise every class, whichever corpora
            its clips are from.
        layer_weighting: Learn one weight per hidden layer where a part has several; see `parts`.
        parts: What the embedding is made of, in order; none for an encoder without layers.
    """

    hidden: int = 64
    dropout: float = 0.3
    input_dropout: float = 0.5
    mixup: float = 0.2
    label_smoothing: float = 0.1
    learning_rate: float = 4.5e-3
    weight_decay: float = 0.01
    n_epochs: int = 20
    batch_size: int = 256
    clip_z: float = 6.0
    prior_segments: float = 5.0
    n_members: int = 8
    core: tuple[tuple[int, int], ...] = ()
    seed: int = 0
    early_stopping: bool = False
    speaker_shrinkage: float = 0.0
    heard: tuple[int, ...] = ()
    balance_corpora: bool = False
    layer_weighting: bool = False
    parts: tuple[Part, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain numbers, for a head's card."""
        return asdict(self)


def recipe_for(encoder_id: str) -> Recipe:
    """Return how heads on this encoder are trained by default.

    The recipe for ``prosody`` was chosen on corpora of acted speech, never on a speaker it is measured on.
    The recipe for Whisper was chosen on corpora that were left out as a whole: EmoDB, RAVDESS and nEMO, each
    judged by what was trained on the others.
    Those for HuBERT and SoVITS were not: their numbers are the usual ones for a small head on a frozen
    encoder (a few hundred steps of Adam at 1e-3, one hidden layer, one weight per hidden layer; SUPERB,
    Yang et al. 2021, and EmoBox, Ma et al. 2024, both Interspeech), and `evaluate` tells what they are
    worth on given weights.

    Args:
        encoder_id: Such as ``prosody``, ``hubert:4-9`` or ``prosody+hubert:4-9``.

    Raises:
        EncoderError: There is no such encoder.
    """
    from gpt_sovits_emotion.encoders import parse_encoder_id

    names = [parse_encoder_id(part) for part in encoder_id.split("+")]
    if [name.family for name in names] == ["prosody"]:
        from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder

        return Recipe(core=ProsodyEncoder().core)
    if any(name.family.startswith("whisper-") for name in names):
        return Recipe(
            input_dropout=0.5,
            mixup=0.0,
            label_smoothing=0.05,
            learning_rate=2e-3,
            weight_decay=3.0,
            n_epochs=10,
            prior_segments=1.0,
            n_members=8,
            heard=(0, 4, -1),
            balance_corpora=True,
        )
    layered = any(len(name.layers) > 1 for name in names)
    families = {name.family for name in names}
    parts = tuple(_part_of(name.family, len(name.layers), families) for name in names)
    return Recipe(
        hidden=128,
        input_dropout=0.2,
        learning_rate=1e-3,
        n_epochs=40,
        batch_size=64,
        early_stopping=True,
        speaker_shrinkage=0.1,
        layer_weighting=layered,
        parts=parts if layered else (),
    )


def _part_of(family: str, n_layers: int, families: set[str]) -> Part:
    """Return one part of a fused embedding; its length is left open where it alone is unknown."""
    if family == "hubert":
        known = any(other.startswith("sovits") for other in families)
        return Part(n_layers, n_layers * _HUBERT_LAYER_DIM if known else None)
    if family.startswith("whisper-"):
        from gpt_sovits_emotion.encoders.whisper.sizes import SIZES

        return Part(n_layers, n_layers * 2 * SIZES[family.removeprefix("whisper-")].width)
    if family == "prosody":
        from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder

        return Part(1, ProsodyEncoder().dim)
    return Part(1, None)


EKMAN = ("angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised")


@dataclass(frozen=True, slots=True)
class Preset:
    """A recipe by name.

    Attributes:
        name: What it is called.
        corpora: Ids of the corpora (`training.corpora.KNOWN_CORPORA`).
        labels: Classes; empty for all of the corpora's.
        note: What a user must know.
    """

    name: str
    corpora: tuple[str, ...]
    labels: tuple[str, ...]
    note: Sentence


def head_id_for(encoder_id: str, name: str) -> str:
    """Return the id of a head on an encoder that is trained by a recipe, or on corpora, of this name.

    >>> head_id_for("prosody+hubert:4-6,9", "emodb")
    'prosody-hubert-4-6-9-emodb'
    """
    plain = "".join(
        char if char.isascii() and char.isalnum() else " "
        for char in f"{encoder_id} {name}".lower()
    )
    return "-".join(plain.split())


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Preset(
                "emodb",
                ("emodb",),
                (),
                tr(
                    "Trained on ten actors who spoke ten German sentences in a studio; expect less on "
                    "everyday speech, other languages and noisy recordings."
                ),
            ),
            Preset(
                "multi-nc",
                ("emodb", "ravdess", "nemo"),
                EKMAN,
                tr(
                    "Trained on 43 actors in German, English and Polish. Two of the three corpora are "
                    "for non-commercial use, and so is this head."
                ),
            ),
            Preset(
                "free",
                ("emodb", "crema-d", "marco-voice"),
                EKMAN,
                tr(
                    "Trained on corpora that anybody may use: ten German actors, happy and sad sentences "
                    "of 78 English speakers, and six Mandarin voices of a speech synthesis. All of it is "
                    "acted."
                ),
            ),
            Preset(
                "all-nc",
                ("emodb", "ravdess", "nemo", "crema-d", "marco-voice"),
                EKMAN,
                tr(
                    "Trained on 127 voices in German, English, Polish and Mandarin. Two of the five "
                    "corpora are for non-commercial use, and so is this head."
                ),
            ),
        )
    }
)
"""Name -> recipe."""


def preset_named(name: str) -> Preset:
    """Return the recipe of a name. Raises `CorpusError` when there is none."""
    try:
        return PRESETS[name]
    except KeyError:
        raise CorpusError(
            tr(
                "there is no recipe {name!r}; there are {presets}, or name the corpora yourself",
                name=name,
                presets=of_list(PRESETS),
            )
        ) from None


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What is to be trained.

    Attributes:
        head_id: Id of the new head: small letters, digits, hyphens.
        labels: The classes; empty for all that the corpora have.
        title: Name for people; made from encoder and corpora when None.
        note: What a user must know.
        licence: Of the head; put together from those of its corpora when "".
        seed: Of the first network; the same seed gives the same head on one machine.
        heads_dir: Folder of heads that the new one is put into.
        replace: Whether a head of this id that is there already may be replaced.
        even_without_gain: Whether a head on several encoders is kept that is no better than one on the best
            of them alone.
        command: How to make it again, for the card.
        n_jobs: Processes.
        calibrate_on: Corpora that are not trained on, for temperatures and thresholds that hold for unseen
            speakers; of heads with moving statistics alone.
    """

    head_id: str
    labels: tuple[str, ...] = ()
    title: Sentence | None = None
    note: Sentence | None = None
    licence: str = ""
    seed: int = 0
    heads_dir: Path = field(default_factory=user_folder)
    replace: bool = False
    even_without_gain: bool = False
    command: str = ""
    n_jobs: int = 1
    calibrate_on: tuple[Corpus, ...] = ()
