"""Every sentence of the page, in English and Chinese, as one table; those of settings stand with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from gpt_sovits_emotion.core.errors import EmotionError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence
from webui_tab.banks import form as banks
from webui_tab.settings import SETTING_TEXTS
from webui_tab.training import form as training

__all__ = ["LANGUAGES", "TEXTS", "filled", "language_of_browser", "on_page", "say", "sentence_of"]

LANGUAGES: Mapping[str, str] = MappingProxyType({"en": "English", "zh": "中文"})
"""Languages of the page -> what each calls itself."""

_TABLE = {
    # --- head of the page
    "title": tr("Emotion round trip"),
    "subtitle": tr(
        "Hear a recording, see the emotion of every segment, correct it, and hear it said again in that "
        "emotion."
    ),
    "page_language": tr("Language of this page"),
    "voice_notice": tr(
        "The voice here is eSpeak NG, a small robot voice that needs no GPT-SoVITS. It copies the pitch, "
        "pace and loudness of the reference clip; it does not clone anybody’s voice. The sample "
        "recording and the sample voice are synthetic too."
    ),
    "voice_notice_host": tr(
        "The voice is the GPT-SoVITS voice that is loaded on the other tab; load another there, and it "
        "is used here from the next sentence on. Both tabs share one queue, so each waits for the other. "
        "The sample recording and the sample voice are synthetic."
    ),
    "page_listen": tr("Listen and say again"),
    # --- step 1
    "step_recording": tr("1 · Recording"),
    "recording": tr("Record or upload"),
    "open_video": tr("Open a video or another format…"),
    "words": tr("Words from a file…"),
    "words_from": tr("The words are those of {name}: subtitles, lyrics, minutes or plain text."),
    "words_drop": tr("Recognise them instead"),
    "words_file": tr("the file {name}"),
    "try_sample": tr("Try the sample"),
    "consent_missing": tr(
        "Nothing was analysed: tick the line above the button first, which says that everyone who speaks "
        "in the recording has agreed."
    ),
    "analyse": tr("Analyse"),
    "stop": tr("Stop"),
    "more_settings": tr("More settings"),
    "head_gone": tr("The head {head} is no longer there; choose another."),
    "head_needs": tr("reads {encoder}, which is not at hand here."),
    "head_needs_whisper": tr("needs Whisper {size}: {remedy}"),
    "heads_more": tr("and {n} more"),
    # --- step 2
    "step_heard": tr("2 · What was heard"),
    "table": tr("Segments"),
    "table_hint": tr(
        "Click a row to listen to it and to choose its reference below. Double-click a text or an "
        "emotion to correct it."
    ),
    "column_number": Sentence("#", "#"),
    "column_start": tr("Start"),
    "column_end": tr("End"),
    "column_text": tr("Text"),
    "column_emotion": tr("Emotion"),
    "column_sure": tr("Sure"),
    "column_why": tr("Why"),
    "column_check": tr("Said again"),
    "by_hand": tr("by hand"),
    "kept_yes": Sentence("✓ {heard}", "✓ {heard}"),
    "kept_no": Sentence("✗ {heard}", "✗ {heard}"),
    "kept_unknown": Sentence("–", "–"),
    "only_text_and_emotion": tr(
        "Only the text and the emotion can be changed here; the rest was measured and stays as it was."
    ),
    "no_emotion_given": tr("Segment {number}: an emotion must have a name, so it stays {label}."),
    "heard_summary": tr("{n} segments in {duration} · {spoken} · words by {transcriber} · {note}"),
    "heard_one": tr("1 segment in {duration} · {spoken} · words by {transcriber} · {note}"),
    "language_unknown": tr("language unknown"),
    "words_none": tr("nobody (speech was found, not read)"),
    "words_none_by_loudness": tr(
        "nobody (no speech was detected, so the loud stretches were taken)"
    ),
    "removed": tr(
        "{n} passages that the recogniser seems to have invented were taken out: {texts}"
    ),
    "no_segments": tr(
        "No speech was found in {name}; record closer to the microphone, or choose another file."
    ),
    # --- the segment panel
    "segment_title": tr("Segment {number} of {n} · {start}–{end}"),
    "earlier": Sentence("◀", "◀"),
    "later": Sentence("▶", "▶"),
    "original": tr("Original"),
    "text": tr("Text"),
    "emotion": tr("Emotion (choose or type)"),
    "undo": tr("Back to what was heard"),
    "probabilities": tr("What the head heard"),
    "heard_again": tr("What the head heard in it"),
    "reference": tr("Reference clip"),
    "candidates": tr("Candidates, best first"),
    "automatic": tr("Automatic: {name}"),
    "other_clip": tr("Another clip of this voice"),
    "said_again": Sentence("Said again", "重说"),
    "substituted": tr("Stand-in"),
    "pinned": tr("Chosen by hand"),
    "chosen": tr("Chosen"),
    "no_words": tr(
        "There are no words to say: write them into the text, and a reference is chosen."
    ),
    "not_said_yet": tr("Not said again yet."),
    "changed_since": tr("Changed since: press “Say it again” to hear it."),
    # --- step 3
    "step_again": tr("3 · Say it again"),
    "resynthesise": tr("Say it again"),
    "how_to_speak": tr("How it is spoken"),
    "before": tr("Before (the recording)"),
    "after": tr("After (said again)"),
    "result": tr(
        "Kept its emotion in {kept} of {compared} segments, as heard by {judge} · voice: {voice} · "
        "spoken by {backend}"
    ),
    "result_nothing": tr("There was nothing to compare · voice: {voice} · spoken by {backend}"),
    "judge_is_tagger": tr(
        "The head that judges is the head that tagged: this shows that the path holds together, not that "
        "a person would agree."
    ),
    "bank_synthetic": tr("This voice’s clips are synthetic."),
    "result_stale": tr("You have changed something since; say it again to bring this up to date."),
    # --- step 4
    "step_save": tr("4 · Save"),
    "make_files": tr("Make the files"),
    "files": tr("Files to download (gone when this page is closed)"),
    "files_hint": tr(
        "The report page, the audio, the timeline and the transcript in every format."
    ),
    "left_out": tr("Not made: {name} ({reason})"),
    # --- what went wrong
    "bad_value": tr(
        "A field held something that this page does not send; reload the page and enter it again."
    ),
    "bad_choice": tr("{value} is not among what is offered: {offered}."),
    "bad_number": tr("A field needs a number."),
    "number_outside": tr(
        "{value} is outside of what the field takes; give a number from {low} to {high}."
    ),
    "too_long": tr("A text is longer than the {most} characters that a field takes; shorten it."),
    "no_session": tr(
        "The request does not say which open page it belongs to; use the page itself."
    ),
    "voice_consent_missing": tr(
        "This voice was not opened: tick the line above the button “Analyse” first, which says that its "
        "owner has agreed."
    ),
    "sure": tr("Yes, delete it for good"),
    "sure_missing": tr("Nothing was deleted: tick the line beside the button first."),
    "no_recording": tr("There is no recording yet: record one, upload a file, or try the sample."),
    "not_analysed": tr("Analyse a recording first."),
    "no_voice": tr(
        "No voice is chosen: choose the sample voice, or give the path of a reference bank."
    ),
    "nothing_to_say": tr(
        "Not one segment has words, so there is nothing to say again; choose a Whisper model and analyse "
        "again, or write the words into the table."
    ),
    "not_of_this_page": tr("The file did not come from this page; upload it again."),
    "busy": tr("This page is at work; wait until it is done, or press “Stop”."),
    "closed": tr("This page lost its connection and its content was deleted; reload it to go on."),
    "stopped": tr("Stopped."),
    "unexpected": tr(
        "Something unexpected went wrong ({kind}); the details are in the program’s log."
    ),
    "take_line": tr("take {number} · {clip} · {told}"),
    "ready_sample": tr(
        "The sample is loaded: a synthetic speaker and a synthetic voice. Whisper mishears such a voice "
        "more often than a person’s."
    ),
    # --- requests that are refused
    "request_name": tr(
        "This page is not served under the name {name}, so the request was refused; open it by its "
        "address, or name it with --allow-host."
    ),
    "request_origin": tr(
        "The request came from another page ({origin}), so it was refused; open this page itself, or, if "
        "that is the address of your own proxy, name it with --allow-host."
    ),
    "request_file_too_large": tr(
        "The file is larger than the {limit} that this page takes; start it with a larger --max-upload, "
        "or cut the recording into parts."
    ),
    "request_too_large": tr(
        "The request is larger than anything this page asks for, so it was refused; reload the page."
    ),
    "request_disk_full": tr(
        "The disk is full, so the file could not be taken; make room and upload it again."
    ),
}

TEXTS: Mapping[str, Sentence] = MappingProxyType(
    {
        key: text
        for table in (_TABLE, SETTING_TEXTS, training.TABLE, banks.TABLE)
        for key, text in table.items()
    }
)
"""Key -> sentence; fields in braces are filled by `say`."""


def filled(key: str, **fields: object) -> Sentence:
    """Return one sentence of the page in both languages, with its fields filled in."""
    known = TEXTS[key]
    return Sentence(known.en.format(**fields), known.zh.format(**fields))


def say(key: str, language: str, **fields: object) -> str:
    """Return one sentence of the page with its fields filled in.

    Examples:
        >>> say("segment_title", "en", number=2, n=5, start="0:03.1", end="0:04.9")
        'Segment 2 of 5 · 0:03.1–0:04.9'
    """
    return TEXTS[key].say(language).format(**fields)


def language_of_browser(accept_language: str | None) -> str:
    """Return ``"zh"`` when a browser asks for Chinese before English, else ``"en"``.

    Examples:
        >>> language_of_browser("zh-CN,zh;q=0.9,en;q=0.8"), language_of_browser("de,en;q=0.5,zh;q=0.1")
        ('zh', 'en')
    """
    wishes: list[tuple[float, str]] = []
    for part in (accept_language or "").split(","):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            weight = 0.0
        wishes.append((-weight, tag.split("-")[0].casefold()))
    for _, tag in sorted(wishes, key=lambda query: query[0]):
        if tag in LANGUAGES:
            return tag
    return "en"


_FIELDS = {
    "--encoding": "encoding",
    "--directions say": "directions",
    "--language": "spoken_language",
}
_OPTION = re.compile(rf" ?(?P<option>{'|'.join(_FIELDS)})(?![\w-]) ?")


def on_page(sentence: str, language: str) -> str:
    """Return a sentence that names options of the command line with the names of the page's own fields.

    Examples:
        >>> on_page("if letters are wrong, name its encoding with --encoding", "en")
        'if letters are wrong, name its encoding with “Encoding of the file of words”'
    """

    def named(found: re.Match[str]) -> str:
        shown = f"“{say(_FIELDS[found['option']], language)}”"
        if language == "zh":
            return shown
        begin, end = (" " if found[0][place] == " " else "" for place in (0, -1))
        return f"{begin}{shown}{end}"

    return _OPTION.sub(named, sentence)


def sentence_of(error: EmotionError, language: str) -> str:
    """Return an error's sentence, in the page's language where it has been written in it."""
    return on_page(error.say(language), language)
