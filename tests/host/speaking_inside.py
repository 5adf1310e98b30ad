"""Run inside a real page of GPT-SoVITS: lend, speak, fail, switch, and write down what happened.

Started as the page itself is, in the checkout, with the page's script as first argument, the file for the
facts as second and, as third, ``whole``, ``switch`` (only what comes of a switch to other weights, which
``OTHER_SOVITS`` and ``OTHER_GPT`` name) or ``carry`` (only a recording that carries the emotion itself). The
page is run as ``__main__``; where it would start to serve, we do our work and end.
"""

from __future__ import annotations

import json
import os
import random
import runpy
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path.cwd()
TEXT, PROMPT = "今天天气很好。", "我们一起去散步。"


def main() -> None:
    script, facts_file, extent = sys.argv[1:4]
    sys.argv = [script, "en_US"]
    sys.path[0] = str(ROOT / "GPT_SoVITS")  # as when the script itself is started
    import gradio

    def launch(app: Any, *args: Any, **kwargs: Any) -> None:
        visit = Visit(sys.modules["__main__"].__dict__, Path(facts_file).parent)
        extents = {"whole": visit.facts, "switch": visit.switching, "carry": visit.carrying}
        facts = extents[extent]()
        Path(facts_file).write_text(json.dumps(facts), encoding="utf-8")

    gradio.Blocks.launch = launch
    runpy.run_path(script, run_name="__main__")


class Visit:
    """One visit to a page; `facts` goes through it in order."""

    def __init__(self, namespace: dict[str, Any], scratch: Path) -> None:
        from gpt_sovits_emotion.backends.base import SynthesisRequest
        from gpt_sovits_emotion.backends.webui import WebuiBackend, find_page
        from gpt_sovits_emotion.core.records import Prosody, ReferenceClip

        self.namespace, self.scratch = namespace, scratch
        self.is_fast = find_page(namespace) == "fast"
        self.backend = WebuiBackend(namespace)
        clip = ReferenceClip(
            ROOT / "GPT_SoVITS/pretrained_models/reference.wav", "", PROMPT, "zh", 5.0
        )
        prosody = Prosody(5.0, 4.0, 150.0, 6.0, 4.0, -20.0)
        self.request = SynthesisRequest(TEXT, "zh", clip, prosody, seed=11)

    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = {"page": "fast" if self.is_fast else "default"}
        for part in (self.about, self.lending, self.speaking, self.refusals, self.leftovers):
            facts |= part()
        facts |= self.stopping() if self.is_fast else {}
        facts |= self.failing()
        facts |= self.switching_in_the_middle()
        facts |= self.switching()
        return facts

    def about(self) -> dict[str, Any]:
        backend = self.backend
        native = self.namespace["inference" if self.is_fast else "get_tts_wav"]
        return {
            "title": backend.title.en,
            "lends": sorted(backend.provides),
            "languages": sorted(backend.limits.languages),
            "rate_hz": backend.limits.sampling_rate_hz,
            "timbre": backend.limits.timbre_references,
            "root_is_the_checkout": backend.root == ROOT,
            "on_cpu": backend.on_cpu,
            "queue_is_the_buttons": backend.concurrency_id == str(id(native)),
        }

    def lending(self) -> dict[str, Any]:
        import torch

        (hubert,) = self.backend.provide("hubert")
        styles = list(self.backend.provide("sovits.style"))
        posteriors = list(self.backend.provide("sovits.posterior"))
        with torch.no_grad():
            states = hubert.model(torch.zeros(1, 16_000)).last_hidden_state
            spec = torch.rand(1, 1025, 60)
            lengths, mask = torch.tensor([60]), torch.ones(1, 1, 60)
            style_shapes = [
                list(loaded.style(spec[:, : loaded.n_style_bins], mask).shape) for loaded in styles
            ]
            means = [
                loaded.posterior(
                    spec, lengths, g=loaded.style(spec[:, : loaded.n_style_bins], mask)
                )[1]
                for loaded in posteriors
            ]
        loaded = self.loaded
        return {
            "hubert_frames": list(states.shape),
            "style_versions": [loaded.version for loaded in styles],
            "style_shapes": style_shapes,
            "style_is_in_place": styles[0].style is loaded.ref_enc,
            "posterior_sources": [loaded.source.en for loaded in posteriors],
            "posterior_is_in_place": posteriors[0].posterior is getattr(loaded, "enc_q", None),
            "posterior_shapes": [list(mean.shape) for mean in means],
            "posteriors_agree": bool((means[0] - means[-1]).abs().max() < 1e-4),
        }

    def speaking(self) -> dict[str, Any]:
        import numpy as np
        import torch

        def draw() -> list[float]:
            return [random.random(), float(np.random.rand()), float(torch.rand(()))]

        def seed_everything() -> None:
            random.seed(5)
            np.random.seed(5)
            torch.manual_seed(5)

        seed_everything()
        expected = draw()
        seed_everything()
        started = time.monotonic()
        first = self.backend.synthesise(self.request)
        took_s = time.monotonic() - started
        undisturbed = draw() == expected
        again = self.backend.synthesise(self.request)
        other = self.backend.synthesise(replace(self.request, seed=12))
        return {
            "spoken_hz": first.sampling_rate_hz,
            "spoken_s": first.duration_s,
            "took_s": took_s,
            "peak": float(np.abs(first.samples).max()),
            "same_seed_same_sound": bool(np.array_equal(first.samples, again.samples)),
            "other_seed_other_sound": not np.array_equal(first.samples, other.samples),
            "seed_undisturbed": undisturbed,
        }

    def refusals(self) -> dict[str, Any]:
        from gpt_sovits_emotion.audio import read_clip, write_wav

        clip, short = self.request.reference, self.scratch / "short.wav"
        audio = read_clip(clip.path)
        write_wav(short, replace(audio, samples=audio.samples[:32_000]))
        refusals = {
            "german": self.sentence(language="de"),
            "short": self.sentence(reference=replace(clip, path=short)),
            "empty": self.sentence(text="…"),
        }
        free = self.backend.synthesise(replace(self.request, reference=replace(clip, text="")))
        return refusals | {"without_prompt_s": free.duration_s}

    def leftovers(self) -> dict[str, Any]:
        if self.is_fast:
            cache = self.namespace["tts_pipeline"].prompt_cache
            return {"nothing_left_behind": cache["ref_audio_path"] is None}
        return {"nothing_left_behind": self.namespace["cache"] == {}}

    def stopping(self) -> dict[str, Any]:
        from gpt_sovits_emotion.backends.base import Sampling

        started = time.monotonic()
        sentence = self.sentence(
            text="今天天气很好。我们去散步。" * 4,
            sampling=Sampling(cut="cut5"),
            cancelled=lambda: time.monotonic() - started > 0.5,
        )
        return {"stopped": sentence, "stopped_after_s": time.monotonic() - started}

    def failing(self) -> dict[str, Any]:
        def fail(*args: Any, **kwargs: Any) -> None:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

        self.loaded.decode = fail
        sentence = self.sentence()
        if not self.is_fast:
            del self.loaded.decode
        return {
            "failed": sentence,
            "works_again_s": self.backend.synthesise(self.request).duration_s,
        }

    def switch(self, path: str) -> None:
        chinese = next(iter(self.namespace["dict_language"]))
        for _ in self.namespace["change_sovits_weights"](path, chinese, chinese):
            pass

    def switching_in_the_middle(self) -> dict[str, Any]:
        # The same file: another model all the same.
        same = os.environ["sovits_path"]  # noqa: SIM112
        thread = threading.Timer(0.5, self.switch, (same,))
        thread.start()
        sentence = self.sentence()
        thread.join()
        return {"switched": sentence}

    def switching(self) -> dict[str, Any]:
        self.switch(os.environ["OTHER_SOVITS"])
        self.namespace["change_gpt_weights"](os.environ["OTHER_GPT"])
        from gpt_sovits_emotion.backends.base import Sampling

        (style, *_), (posterior, *_) = (
            list(self.backend.provide(family)) for family in ("sovits.style", "sovits.posterior")
        )
        spoken = self.backend.synthesise(replace(self.request, sampling=Sampling(sample_steps=4)))
        return {
            "then_title": self.backend.title.en,
            "then_limits_hz": self.backend.limits.sampling_rate_hz,
            "then_timbre": self.backend.limits.timbre_references,
            "then_languages": sorted(self.backend.limits.languages),
            "then_style": [style.version, style.n_style_bins, style.style_dim],
            "then_posterior": posterior.source.en,
            "then_speaker": posterior.speaker_embedding is not None
            and self.speaker_shape(posterior),
            "then_spoken_hz": spoken.sampling_rate_hz,
            "then_spoken_s": spoken.duration_s,
        }

    def carrying(self) -> dict[str, Any]:
        """Say a recording of two segments again, with its own prosody and the timbre of a bank."""
        from gpt_sovits_emotion.audio import Recording
        from gpt_sovits_emotion.engines import open_engines
        from gpt_sovits_emotion.pipeline import choose_references, resynthesise
        from gpt_sovits_emotion.synthesis.prosody_source import ProsodySource

        with self.recording() as recording:
            assert isinstance(recording, Recording)
            transcript, bank = self.transcript(recording), self.bank()
            engines = open_engines(backend=self.backend)
            choices = choose_references(transcript, bank)
            prompts, frames = self.spied()
            made = resynthesise(
                transcript,
                choices,
                engines,
                bank=bank,
                carry=ProsodySource("recording"),
                recording=recording,
            )
            carried_frames = [list(each) for each in frames]
            by_clip = resynthesise(transcript, choices, engines, bank=bank)
        first, second = made.segments
        return {
            "averages": self.backend.limits.averages_timbre,
            "note": made.carry_note.en,
            "spoken_s": first.audio.duration_s,
            "another_sound_than_by_clip": len(first.audio.samples)
            != len(by_clip.segments[0].audio.samples)
            or bool((first.audio.samples != by_clip.segments[0].audio.samples).any()),
            "timbre": list(first.carried.timbre),
            "piece_s": [first.carried.start_s, first.carried.end_s],
            "prompt": prompts[0],
            "prompt_is_gone": not Path(prompts[0]["path"]).parent.exists(),
            "refused": second.problem.en,
            "timbre_frames": carried_frames[0],
        }

    def spied(self) -> tuple[list[dict[str, Any]], list[list[int]]]:
        """Write down which prompts the host is given, and the frames of timbre it decodes with."""
        from gpt_sovits_emotion.audio import read_clip

        prompts: list[dict[str, Any]] = []
        frames: list[list[int]] = []
        synthesise, decode = self.backend.synthesise, self.loaded.decode

        def watched(request: Any) -> Any:
            path = request.reference.path
            prompts.append(
                {
                    "path": str(path),
                    "text": request.reference.text,
                    "seconds": read_clip(path).duration_s,
                    "others_may_read": bool(path.parent.stat().st_mode & 0o077),
                }
            )
            return synthesise(request)

        def decoding(codes: Any, text: Any, refer: Any, *rest: Any, **others: Any) -> Any:
            frames.append([each.shape[-1] for each in refer])
            return decode(codes, text, refer, *rest, **others)

        self.backend.synthesise, self.loaded.decode = watched, decoding
        return prompts, frames

    def recording(self) -> Any:
        """Five seconds of sound from 0.5 s on, and one from 6.5 s on."""
        import numpy as np

        from gpt_sovits_emotion.audio import read_clip, recording_from_samples

        sound = read_clip(self.request.reference.path).samples
        samples = np.zeros(8 * 16_000, np.float32)
        samples[8_000 : 8_000 + 80_000] = sound[:80_000]
        samples[104_000 : 104_000 + 16_000] = sound[:16_000]
        return recording_from_samples(samples, 16_000, name="talk.wav", also_at_hz=32_000)

    def transcript(self, recording: Any) -> Any:
        from gpt_sovits_emotion.core.records import (
            Segment,
            Sentence,
            TaggedSegment,
            TaggedTranscript,
        )

        segments = (Segment(0.5, 5.5, PROMPT, "zh"), Segment(6.5, 7.5, TEXT, "zh"))
        nobody = Sentence("", "")
        return TaggedTranscript(
            recording.info,
            tuple(TaggedSegment(each, None, corrected_label="happy") for each in segments),
            "zh",
            "file:talk.srt",
            "",
            nobody,
            "global",
            nobody,
        )

    def bank(self) -> Any:
        """A voice of two clips, of 3.5 s and 4 s."""
        from gpt_sovits_emotion.audio import read_clip, write_wav
        from gpt_sovits_emotion.core.records import ReferenceBank, ReferenceClip

        audio = read_clip(self.request.reference.path)
        clips = []
        for n_samples in (56_000, 64_000):
            path = self.scratch / f"clip-{n_samples}.wav"
            write_wav(path, replace(audio, samples=audio.samples[:n_samples]))
            clips.append(ReferenceClip(path, "happy", PROMPT, "zh", n_samples / 16_000))
        return ReferenceBank("voice", self.scratch, "folders", tuple(clips))

    def speaker_shape(self, loaded: Any) -> list[int]:
        import torch

        speaker = loaded.speaker_embedding(torch.rand(1, 32_000) - 0.5)
        style = torch.zeros(1, loaded.style_dim, 1)
        return [*speaker.shape, *loaded.project_speaker(style, speaker).shape]

    @property
    def loaded(self) -> Any:
        return (
            self.namespace["tts_pipeline"].vits_model
            if self.is_fast
            else self.namespace["vq_model"]
        )

    def sentence(self, **changes: Any) -> str:
        """Return the sentence by which a changed request is refused."""
        from gpt_sovits_emotion.core.errors import BackendError

        try:
            self.backend.synthesise(replace(self.request, **changes))
        except BackendError as error:
            return str(error)
        return "spoken all the same"


if __name__ == "__main__":
    main()
