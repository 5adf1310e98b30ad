"""Corpora that are known by name: their makers and terms, and what the tables beside their clips add."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.training.corpora.corpus import Clip, CorpusInfo, label_from
from gpt_sovits_emotion.training.corpora.folders import CorpusTexts

__all__ = ["KNOWN_CORPORA", "hub_command", "known_corpus", "with_details"]

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


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


_BY_SPELLING = {_plain(info.id): info for info in _ALL}


_Detailed = tuple[tuple[Clip, ...], list[Sentence]]

# [6.2901 - 8.2357]<tab>Ses01F_impro01_F000<tab>neu<tab>[2.5000, 2.5000, 2.5000]
_IEMOCAP_VERDICT = re.compile(r"^\[[\d. -]+\]\t(?P<name>Ses\w+)\t(?P<code>\w+)", re.MULTILINE)
# Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
_IEMOCAP_LINE = re.compile(r"^(?P<name>Ses\w+) \[[\d. -]+\]: ?(?P<text>.*)$", re.MULTILINE)
_IEMOCAP_EMOTIONS = {
    "neu": "neutral", "hap": "happy", "sad": "sad", "ang": "angry", "sur": "surprised",
    "fea": "fearful", "dis": "disgusted", "fru": "frustrated", "exc": "excited", "oth": "other",
}  # fmt: skip
"""``xxx``, on which the listeners did not agree, is no emotion."""


def with_details(
    corpus_id: str, root: Path, clips: Iterable[Clip]
) -> tuple[tuple[Clip, ...], list[Sentence]]:
    """Add what lies beside the clips of a known corpus: texts, genders, IEMOCAP's emotions.

    Returns:
        The clips, without those that have no emotion, and warnings.

    Raises:
        CorpusError: A table that lies there cannot be read, or IEMOCAP's verdicts are missing.
    """
    clips = tuple(clips)
    add = _DETAILS.get(corpus_id)
    if add is None:
        return clips, []
    texts = CorpusTexts()
    kept, warnings = add(root, clips, texts)
    return kept, [*warnings, *texts.notes]


def _crema_d(root: Path, clips: tuple[Clip, ...], read: CorpusTexts) -> _Detailed:
    sexes = {
        row.get("ActorID", "").strip(): row.get("Sex", "").strip().lower()
        for row in _table(root, "VideoDemographics.csv", read, dialect="excel")
    }
    return tuple(replace(clip, gender=sexes.get(clip.speaker, "")) for clip in clips), []


def _nemo(root: Path, clips: tuple[Clip, ...], read: CorpusTexts) -> _Detailed:
    rows = {
        Path(row.get("file_id", "")).stem: row
        for row in _table(root, "data.tsv", read, dialect=_Tabs)
    }

    def told(clip: Clip) -> Clip:
        row = rows.get(clip.path.stem)
        if row is None:
            return clip
        return replace(
            clip, text=row.get("raw_text", "") or clip.text, gender=row.get("gender", "")
        )

    return tuple(told(clip) for clip in clips), []


def _esd(root: Path, clips: tuple[Clip, ...], read: CorpusTexts) -> _Detailed:
    texts: dict[str, str] = {}
    speakers = {clip.speaker for clip in clips}
    for path in _beside(root, "*.txt"):
        if path.stem in speakers:
            rows = (line.strip().split("\t") for line in read.read(path).splitlines())
            texts |= {fields[0].strip(): fields[1].strip() for fields in rows if len(fields) == 3}
    return tuple(replace(clip, text=texts.get(clip.path.stem) or clip.text) for clip in clips), []


def _csemotions(root: Path, clips: tuple[Clip, ...], read: CorpusTexts) -> _Detailed:
    # speakers are called female001, male002, …
    def gender(clip: Clip) -> str:
        found = re.fullmatch(r"(female|male)\d+", clip.speaker)
        return found[1] if found else clip.gender

    return tuple(replace(clip, gender=gender(clip)) for clip in clips), []


def _iemocap(root: Path, clips: tuple[Clip, ...], read: CorpusTexts) -> _Detailed:
    codes: dict[str, str] = {}
    texts: dict[str, str] = {}
    for path in _beside(root, "*.txt"):
        if path.parent.name == "EmoEvaluation":
            codes |= {
                found["name"]: found["code"] for found in _IEMOCAP_VERDICT.finditer(read.read(path))
            }
        elif path.parent.name == "transcriptions":
            texts |= {
                found["name"]: found["text"].strip()
                for found in _IEMOCAP_LINE.finditer(read.read(path))
            }
    if not codes:
        raise CorpusError(
            tr(
                "{root} has IEMOCAP's utterances but not the listeners' verdicts; copy "
                "SessionN/dialog/EmoEvaluation/*.txt there too",
                root=root,
            )
        )
    kept = []
    for clip in clips:
        code = codes.get(clip.path.stem, "")
        if code in _IEMOCAP_EMOTIONS:
            emotion, text = _IEMOCAP_EMOTIONS[code], texts.get(clip.path.stem, "")
            kept.append(replace(clip, emotion=label_from(emotion), label=code, text=text))
    n_gone = len(clips) - len(kept)
    if not n_gone:
        return tuple(kept), []
    return tuple(kept), [
        tr(
            "{n_gone} utterances were passed over: the listeners did not agree on their emotion (xxx), "
            "or it is not there",
            n_gone=n_gone,
        )
    ]


class _Tabs(csv.excel_tab):
    """Fields parted by tabs; a quotation mark is a sign of the text."""

    quoting = csv.QUOTE_NONE


def _table(
    root: Path, name: str, read: CorpusTexts, *, dialect: str | type[csv.Dialect]
) -> list[dict[str, str]]:
    found = _beside(root, name)
    if not found:
        return []
    text = read.read(found[0])
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), dialect=dialect))
    except csv.Error as error:
        raise CorpusError(
            tr("{found} is damaged as a table; copy it again, or remove it", found=found[0])
        ) from error
    return [
        {key: value or "" for key, value in row.items() if isinstance(key, str)} for row in rows
    ]


def _beside(root: Path, pattern: str) -> list[Path]:
    """Return the files of that name in the corpus, or in the folder that it lies in."""
    inside = [path for path in root.rglob(pattern) if not path.name.startswith(".")]
    above = root.resolve().parent / pattern
    if not inside and "*" not in pattern and above.is_file():
        return [above]
    return sorted(inside)


_DETAILS: Mapping[str, Callable[[Path, tuple[Clip, ...], CorpusTexts], _Detailed]] = {
    "crema-d": _crema_d,
    "nemo": _nemo,
    "esd": _esd,
    "iemocap": _iemocap,
    "csemotions": _csemotions,
}
