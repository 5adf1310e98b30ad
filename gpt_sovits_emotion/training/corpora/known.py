"""What is publicly known of the corpora that have a reader here: who made them, and on which terms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = [
    "KNOWN_CORPORA",
    "UNKNOWN_LICENCE",
    "CorpusInfo",
    "hub_command",
    "known_corpus",
    "unknown_corpus",
]

UNKNOWN_LICENCE = "unknown: ask whoever recorded it, and say it in corpus.yaml"


@dataclass(frozen=True, slots=True)
class CorpusInfo:
    """A corpus as such, whichever copy of it lies on a disk.

    Attributes:
        id: Short name; of a known corpus a key of `KNOWN_CORPORA`, and its title in small letters.
        title: Name for people.
        language: Language codes, parted by a comma and a space; "" when not known.
        licence: The licence's name; ``see URL: …`` where the terms must be read there; ``unknown: …``.
        non_commercial: Whether its terms forbid commercial use, and so that of a head trained on it.
            False where nothing is known; `licence` says so then.
        citation: The publication to cite; "" when not known.
        url: Where its makers describe it and its terms; "" when not known.
        synthetic: Whether its clips are outputs of a speech synthesis, and so no test of anything.
        train_only: Whether whoever describes it wants it trained on and never tested on.
        made_from: Id of the corpus that the synthesis was trained on; "" when there is none.
        hub: ``owner/name`` of its data set on the Hugging Face hub, whose Parquet files are read; "" when
            it is not distributed so.
        hub_gigabytes: About how large that is.
    """

    id: str
    title: str
    language: str
    licence: str
    non_commercial: bool
    citation: str
    url: str
    synthetic: bool = False
    train_only: bool = False
    made_from: str = ""
    hub: str = ""
    hub_gigabytes: float = 0.0


_MARCO_VOICE = (
    "Tian, Lyu, Ni, Sun, Li, Qian, Li, Wang, Xu, Luo, Zhang (2025): Marco-Voice Technical Report, "
    "arXiv:2508.02038"
)

_ALL = (
    CorpusInfo(
        id="emodb",
        title="EmoDB",
        language="de",
        licence="CC0-1.0 by the audEERING dataset card, CC BY 4.0 by the nkululeko one",
        non_commercial=False,
        citation="Burkhardt, Paeschke, Rolfes, Sendlmeier, Weiss (2005): A database of German emotional "
        "speech, Interspeech",
        url="http://emodb.bilderbar.info/",
    ),
    CorpusInfo(
        id="ravdess",
        title="RAVDESS",
        language="en",
        licence="CC BY-NC-SA 4.0",
        non_commercial=True,
        citation="Livingstone, Russo (2018): The Ryerson Audio-Visual Database of Emotional Speech and "
        "Song (RAVDESS), PLoS ONE 13(5): e0196391",
        url="https://zenodo.org/records/1188976",
    ),
    CorpusInfo(
        id="crema-d",
        title="CREMA-D",
        language="en",
        licence="ODbL 1.0 for the database, DbCL 1.0 for its contents",
        non_commercial=False,
        citation="Cao, Cooper, Keutmann, Gur, Nenkova, Verma (2014): CREMA-D: Crowd-sourced Emotional "
        "Multimodal Actors Dataset, IEEE Transactions on Affective Computing 5(4)",
        url="https://github.com/CheyneyComputerScience/CREMA-D",
    ),
    CorpusInfo(
        id="tess",
        title="TESS",
        language="en",
        licence="see URL: CC BY-NC-ND 4.0 by its repository's page",
        non_commercial=True,
        citation="Pichora-Fuller, Dupuis (2020): Toronto emotional speech set (TESS), University of "
        "Toronto, doi:10.5683/SP2/E8H2MF",
        url="https://tspace.library.utoronto.ca/handle/1807/24487",
    ),
    CorpusInfo(
        id="savee",
        title="SAVEE",
        language="en",
        licence="see URL: free for research after registration",
        non_commercial=True,
        citation="Haq, Jackson (2010): Multimodal Emotion Recognition, in Machine Audition: Principles, "
        "Algorithms and Systems, IGI Global",
        url="http://kahlan.eps.surrey.ac.uk/savee/",
    ),
    CorpusInfo(
        id="emovo",
        title="EMOVO",
        language="it",
        licence="see URL",
        non_commercial=True,
        citation="Costantini, Iaderola, Paoloni, Todisco (2014): EMOVO Corpus: an Italian Emotional Speech "
        "Database, LREC",
        url="http://voice.fub.it/activities/corpora/emovo/index.html",
    ),
    CorpusInfo(
        id="esd",
        title="ESD",
        language="en, zh",
        licence="see URL: for research only, on a signed form",
        non_commercial=True,
        citation="Zhou, Sisman, Liu, Li (2022): Emotional voice conversion: Theory, databases and ESD, "
        "Speech Communication 137",
        url="https://github.com/HLTSingapore/Emotional-Speech-Data",
    ),
    CorpusInfo(
        id="nemo",
        title="nEMO",
        language="pl",
        licence="CC BY-NC-SA 4.0",
        non_commercial=True,
        citation="Christop (2024): nEMO: Dataset of Emotional Speech in Polish, LREC-COLING",
        url="https://github.com/amu-cai/nEMO",
    ),
    CorpusInfo(
        id="casia",
        title="CASIA",
        language="zh",
        licence="see URL: on an agreement with the Chinese Linguistic Data Consortium",
        non_commercial=True,
        citation="Institute of Automation, Chinese Academy of Sciences: CASIA Mandarin emotional speech "
        "corpus (CASIA 汉语情感语料库)",
        url="http://www.chineseldc.org/resource_info.php?rid=76",
    ),
    CorpusInfo(
        id="iemocap",
        title="IEMOCAP",
        language="en",
        licence="see URL: on a signed form of the University of Southern California",
        non_commercial=True,
        citation="Busso, Bulut, Lee, Kazemzadeh, Mower, Kim, Chang, Lee, Narayanan (2008): IEMOCAP: "
        "Interactive emotional dyadic motion capture database, Language Resources and Evaluation 42(4)",
        url="https://sail.usc.edu/iemocap/",
    ),
    CorpusInfo(
        id="csemotions",
        title="CSEMOTIONS",
        language="zh",
        licence="Apache-2.0",
        non_commercial=False,
        citation=_MARCO_VOICE,
        url="https://huggingface.co/datasets/AIDC-AI/CSEMOTIONS",
        hub="AIDC-AI/CSEMOTIONS",
        hub_gigabytes=3.1,
    ),
    CorpusInfo(
        id="marco-voice",
        title="Marco-Voice",
        language="zh",
        licence="Apache-2.0",
        non_commercial=False,
        citation=f"{_MARCO_VOICE}; the clips are outputs of that speech synthesis",
        url="https://github.com/AIDC-AI/Marco-Voice",
        synthetic=True,
        made_from="csemotions",
    ),
)

KNOWN_CORPORA: Mapping[str, CorpusInfo] = MappingProxyType({info.id: info for info in _ALL})
"""Id -> `CorpusInfo`, of every corpus that is known by its name."""


def known_corpus(name: str) -> CorpusInfo | None:
    """Return the known corpus that a name stands for, however it is spelt; None for another name.

    Examples:
        >>> known_corpus("CREMA_D").id, known_corpus("Emo-DB").id, known_corpus("mine")
        ('crema-d', 'emodb', None)
    """
    return _BY_SPELLING.get(_plain(name))


def hub_command(info: CorpusInfo) -> str:
    """Return the command of huggingface_hub that fetches a corpus; "" where the hub does not have it.

    Examples:
        >>> hub_command(KNOWN_CORPORA["csemotions"])
        'hf download AIDC-AI/CSEMOTIONS --repo-type dataset --local-dir csemotions'
    """
    if not info.hub:
        return ""
    return f"hf download {info.hub} --repo-type dataset --local-dir {info.id}"


def unknown_corpus(name: str) -> CorpusInfo:
    """Return what is known of a corpus of which nothing is known but its name."""
    return CorpusInfo(name, name, "", UNKNOWN_LICENCE, False, "", "")


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


_BY_SPELLING = {_plain(info.id): info for info in _ALL}
