"""Speaker profiles: what was learned of one person for one head, beside the head, never inside it.

A profile holds the speaker's mean embedding, the labelled clips and corrections it was taught with (as
embeddings, so that any of them can be taken back), and the perceptrons that were fine-tuned on them:

    <user data>/gpt-sovits-emotion/speakers/<head id>/<speaker>/
        profile.safetensors    everything, written in one step
        profile.yaml           the same in words, for a person who looks

Such numbers describe a person's voice: the folders are readable by their owner alone, and `forget` deletes
them. Teaching is `training.adapt.learn`; here it is kept, checked and applied, without torch.

    profile = load_profile(head, "anna") or begin_profile(head, "anna")
    profile = add(profile, embeddings, labels, source="talk.wav")       # collected; changes no verdict
    profile = learn(head, profile, replay=find_replay(head, head_folders()))   # on request
    save_profile(profile)
    fitted, statistics = for_speaker(head, profile)     # for `tag`, `Head.probabilities`, `Engines`
    save_profile(undo_last(profile))                    # the last `add` never happened
    forget("anna")                                      # for every head
"""

from __future__ import annotations

from gpt_sovits_emotion.heads.profile_changes import add, add_unlabelled, begin_profile, undo_last
from gpt_sovits_emotion.heads.profile_files import (
    ProfileEntry,
    changing_profiles,
    forget,
    known_speaker,
    list_profiles,
    load_profile,
    profile_folder,
    save_profile,
    speakers_folder,
)
from gpt_sovits_emotion.heads.replay import (
    REPLAY_NAME,
    Replay,
    find_replay,
    load_replay,
    save_replay,
)
from gpt_sovits_emotion.heads.speaker_profile import (
    PROFILE_SOURCE,
    VOICE_SOURCE,
    Correction,
    SpeakerProfile,
    check_belongs,
    check_name,
    for_speaker,
    head_digest,
    speaker_std,
)

__all__ = [
    "PROFILE_SOURCE",
    "REPLAY_NAME",
    "VOICE_SOURCE",
    "Correction",
    "ProfileEntry",
    "Replay",
    "SpeakerProfile",
    "add",
    "add_unlabelled",
    "begin_profile",
    "changing_profiles",
    "check_belongs",
    "check_name",
    "find_replay",
    "for_speaker",
    "forget",
    "head_digest",
    "known_speaker",
    "list_profiles",
    "load_profile",
    "load_replay",
    "profile_folder",
    "save_profile",
    "save_replay",
    "speaker_std",
    "speakers_folder",
    "undo_last",
]
