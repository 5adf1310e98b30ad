"""The hosts that speak, inside and beside a real GPT-SoVITS."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpt_sovits_emotion.backends.api_v2 import ApiV2Backend
from gpt_sovits_emotion.backends.base import SynthesisRequest
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.records import Prosody, ReferenceClip
from host import checkouts, weights

pytestmark = [pytest.mark.checkout, pytest.mark.slow]

REPOSITORY = Path(__file__).resolve().parents[2]
DRIVER = Path(__file__).with_name("speaking_inside.py")
PAGES = {"default": checkouts.DEFAULT_PAGE, "fast": checkouts.FAST_PAGE}
EVERY_LANGUAGE = ["auto", "en", "ja", "ko", "yue", "zh"]


def tuned(kind: str, version: str) -> str:
    name = f"{weights.TUNED_NAME}.pth" if kind == "SoVITS" else weights.TUNED_GPT_NAME
    return f"{weights.weights_folder(kind, version)}/{name}"


def visit(
    root: Path, python: str, page: str, tmp_path: Path, *, other: str, extent: str = "whole"
) -> dict[str, Any]:
    """Run the driver inside a page, and return the facts that it wrote down."""
    if not (root / tuned("SoVITS", other)).is_file():
        pytest.skip(f"{root} has no {tuned('SoVITS', other)}")
    facts, log = tmp_path / "facts.json", tmp_path / "page.log"
    environment = checkouts.page_environment(root)
    environment |= {
        "PYTHONPATH": os.pathsep.join([environment["PYTHONPATH"], str(REPOSITORY)]),
        "OTHER_SOVITS": tuned("SoVITS", other),
        "OTHER_GPT": tuned("GPT", other),
    }
    command = [python, "-s", str(DRIVER), PAGES[page], str(facts), extent]
    with log.open("wb") as output:
        done = subprocess.run(
            command,
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=600,
            check=False,
        )
    tail = log.read_text(encoding="utf-8", errors="replace")[-3000:]
    assert done.returncode == 0, tail
    assert facts.is_file(), tail
    found: dict[str, Any] = json.loads(facts.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_a_visit_to_a_page(checkout, host_python, page, tmp_path):
    facts = visit(checkout, host_python, page, tmp_path, other="v1")
    assert facts["page"] == page
    # What it says of itself.
    assert "v2" in facts["title"]
    assert facts["lends"] == ["hubert", "prosody", "sovits.posterior", "sovits.style"]
    assert facts["languages"] == EVERY_LANGUAGE
    assert (facts["rate_hz"], facts["timbre"], facts["on_cpu"]) == (32_000, True, True)
    assert facts["root_is_the_checkout"]
    assert facts["queue_is_the_buttons"]
    # What it lends.
    assert facts["hubert_frames"] == [1, 49, 768]
    assert facts["style_versions"] == ["v2", "v2"]
    assert facts["style_shapes"] == [[1, 512, 1]] * 2
    assert facts["style_is_in_place"]
    assert facts["posterior_is_in_place"]
    assert facts["posterior_shapes"] == [[1, 192, 60]] * 2
    assert facts["posteriors_agree"]
    # How it speaks.
    assert facts["spoken_hz"] == 32_000
    assert 1.0 < facts["spoken_s"] < 8.0
    assert facts["peak"] > 0.01
    assert facts["same_seed_same_sound"]
    assert facts["other_seed_other_sound"]
    assert facts["seed_undisturbed"]
    assert facts["nothing_left_behind"]
    assert facts["without_prompt_s"] > 1.0
    # What it refuses.
    assert "the text is in the language 'de', which GPT-SoVITS v2 does not speak" in facts["german"]
    assert "short.wav lasts 2.00 s; 3 to 10 s was expected" in facts["short"]
    assert "there is nothing to say" in facts["empty"]
    assert "ran out of memory" in facts["failed"]
    assert facts["works_again_s"] > 1.0
    if page == "fast":
        assert "stopped as asked" in facts["stopped"]
    # What a switch of weights does.
    assert "switched while this was being said" in facts["switched"]
    assert facts["then_languages"] == ["auto", "en", "ja", "zh"]
    assert facts["then_style"] == ["v1", 1025, 512]
    assert facts["then_posterior"] == "the v1 base model on the disk"
    assert facts["then_spoken_s"] > 1.0


@pytest.mark.parametrize(
    ("page", "version", "style", "posterior", "rate_hz"),
    [
        ("default", "v2Pro", ["v2Pro", 704, 1024], "v2Pro", 32_000),
        ("fast", "v2ProPlus", ["v2ProPlus", 704, 1024], "v2ProPlus", 32_000),
        ("default", "v4", ["v4", 704, 512], "v2", 48_000),
        ("fast", "v3", ["v3", 704, 512], "v2", 24_000),
    ],
)
def test_fine_tuned_weights_of_later_versions(
    checkout, host_python, page, version, style, posterior, rate_hz, tmp_path
):
    facts = visit(checkout, host_python, page, tmp_path, other=version, extent="switch")
    assert version in facts["then_title"]
    assert facts["then_style"] == style
    assert facts["then_posterior"] == f"the {posterior} base model on the disk"
    assert facts["then_limits_hz"] == facts["then_spoken_hz"] == rate_hz
    assert facts["then_timbre"] is (version not in ("v3", "v4"))
    assert facts["then_languages"] == EVERY_LANGUAGE
    assert facts["then_spoken_s"] > 1.0
    is_pro = "Pro" in version
    assert facts["then_speaker"] == ([1, 20_480, 1, 1024, 1] if is_pro else False)


@pytest.mark.parametrize("page", PAGES)
def test_a_recording_carries_its_own_emotion(checkout, host_python, page, tmp_path):
    facts = visit(checkout, host_python, page, tmp_path, other="v1", extent="carry")
    assert facts["averages"] is (page == "fast")
    share = (
        "one part in 3 is not the voice's own" if page == "fast" else "2 clips of the voice give"
    )
    assert share in facts["note"]
    # The piece of the recording is the prosody prompt, with what is said in it ...
    assert facts["prompt"]["text"] == "我们一起去散步。"
    assert facts["prompt"]["seconds"] == pytest.approx(5.2, abs=0.01)
    assert facts["piece_s"] == pytest.approx([0.4, 5.6])
    # ... in a private folder that is gone afterwards ...
    assert facts["prompt"]["others_may_read"] is False
    assert facts["prompt_is_gone"]
    # ... and the clips of 4 s and 3.5 s are the timbre, alone or beside the prompt (50 frames a second).
    assert facts["timbre"] == ["clip-64000.wav", "clip-56000.wav"]
    expected = [260, 200, 175] if page == "fast" else [200, 175]
    assert facts["timbre_frames"] == pytest.approx(expected, abs=2)
    assert facts["spoken_s"] > 1.0
    assert facts["another_sound_than_by_clip"]
    # What is too short for a prompt is left out, with a sentence.
    assert "segment 2 lasts 1.0 s and cannot be a prosody prompt" in facts["refused"]


def test_over_http(start_page, checkout):
    clip = ReferenceClip(checkout / weights.REFERENCE, "", "我们一起去散步。", "zh", 5.0)
    prosody = Prosody(5.0, 4.0, 150.0, 6.0, 4.0, -20.0)
    request = SynthesisRequest("今天天气很好。", "zh", clip, prosody, seed=11)
    with start_page(script=checkouts.API, port=9982) as server:
        backend = ApiV2Backend(server.url)
        limits = backend.limits
        assert sorted(limits.languages) == EVERY_LANGUAGE
        first, again = backend.synthesise(request), backend.synthesise(request)
        assert first.sampling_rate_hz == limits.sampling_rate_hz
        assert 1.0 < first.duration_s < 8.0
        np.testing.assert_array_equal(first.samples, again.samples)
        with pytest.raises(
            BackendError, match=r"does not find .*nowhere/reference\.wav on its own disk"
        ):
            ApiV2Backend(server.url, folders={clip.path.parent: "/nowhere"}).synthesise(
                replace(request, reference=clip)
            )
    with pytest.raises(BackendError, match="nothing listens"):
        backend.synthesise(request)
