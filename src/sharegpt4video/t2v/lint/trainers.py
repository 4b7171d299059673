"""What each trainer does about each kind of finding, and where that was read."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ..manifests import beside, diffsynth
from .clips import Needs
from .finding import Level
from .notes import Rule, Sample


def _by_path(sample: Sample) -> str:
    return sample.video


def _by_path_without_ending(sample: Sample) -> str:
    return os.path.splitext(sample.video)[0]  # noqa: PTH122 - a path of a manifest, not of this machine


def _by_stem_in_lists(sample: Sample) -> str:
    """musubi-tuner: a folder of clips has a cache of its own, a list may name files of many."""
    return PurePosixPath(sample.video).stem if sample.file.endswith(".jsonl") else sample.video


@dataclass(frozen=True)
class Trainer:
    """What is known of a trainer beyond its manifest.

    rules     by kind of finding; what is not there is nothing to it
    needs     what it needs of files
    multiple  sides of its size are a multiple of this
    several   it reads several captions per clip
    name_of   under which name it keeps what it computes for a clip
    """

    rules: dict[str, Rule]
    needs: Needs = field(default_factory=Needs)
    multiple: int = 16
    several: bool = False
    name_of: Callable[[Sample], str] = _by_path


def _rules(source: str, *, errors: dict[str, str], warnings: dict[str, str] | None = None) -> dict[str, Rule]:
    """Rules of one source. A text of the form ``words | thread`` names a public thread, too."""
    levels: list[tuple[Level, dict[str, str]]] = [("error", errors), ("warning", warnings or {})]
    found = {}
    for level, told in levels:
        for kind, words in told.items():
            happens, _, thread = words.partition(" | ")
            found[kind] = Rule(level, happens, f"{source}; {thread}" if thread else source)
    return found


_ALWAYS_ERRORS = {
    "unreadable-manifest": "it stops",
    "missing-file": "it stops there, or leaves the clip out",
    "unreadable-file": "it stops there, or leaves the clip out",
    "caption-of-another": "it trains the clip with the caption of another video",
    "caption-tells-more": "the caption tells of what is not seen in the frames that it takes",
    "frames-off-step": "it rounds down or stops",
    "empty-caption": "it trains the clip without a caption",
    "no-caption": "it leaves the clip out, or trains it without a caption",
    "several-captions": "only one is read, or it stops",
}
_ALWAYS_WARNINGS = {
    "cut-off": "",
    "stock-opening": "every caption spends tokens on words that tell nothing, and prompts lack them",
    "listed-twice": "it takes the clip twice as often as the others",
    "wrong-field": "it picks frames by numbers that are not those of the file",
    "size-too-small": "it scales the clip up, and learns what that looks like",
    "size-off-step": "it rounds the size or stops",
    "prefix": "it puts words before every caption, which count as tokens",
}
_CUT = "the encoder drops everything after its last token, without a word"


def _made(source: str, errors: dict[str, str], warnings: dict[str, str] | None = None) -> dict[str, Rule]:
    """The rules that hold for every trainer, with its own words for some of them, and its own rules."""
    named = {**(warnings or {}), **errors}
    return _rules(
        source,
        errors={**{k: v for k, v in _ALWAYS_ERRORS.items() if k not in named}, "cut-off": _CUT, **errors},
        warnings={
            **{k: v for k, v in _ALWAYS_WARNINGS.items() if k not in named and k != "cut-off"},
            **(warnings or {}),
        },
    )


_PLAN = _made(
    "opensora/dataset/t2v_datasets.py, PKU-YuanGroup/Open-Sora-Plan f7fa604",
    errors={
        "comma-in-path": "it splits each line of merge.txt at every comma, and stops",
        "missing-field": "it drops the clip without a size, and stops without a frame rate or a count",
        "too-few-frames": "it drops the clip",
        "too-long": "it drops the clip",
        "unknown-ending": "it reads only .mp4, and stops",
        "wrong-field": "it picks frames by the numbers of the manifest, beyond the end of the file or not up to it",
    },
)
_OPEN_SORA = _made(
    "opensora/datasets/datasets.py, sampler.py and bucket.py, hpcaitech/Open-Sora 7ad6a96",
    errors={
        "bad-row": "it stops at the row",
        "wrong-field": "it puts the clip into the bucket of other frames",
        "missing-field": "it stops without the column; without a number it leaves the clip out (frames, size), or says "
        "nothing of its frame rate",
        "empty-caption": "it stops at an empty cell of a CSV or a null of Parquet; an empty text is trained as one",
        "several-captions": "it stops, or takes a list for a text",
        "too-few-frames": "it leaves the clip out without a word",
    },
    warnings={
        "suffix-differs": "below its fps_max it writes 16.0 FPS. behind captions, and 16 FPS. behind prompts when it "
        "samples (opensora/utils/inference.py)",
    },
)
_LISTS = {
    "lines-unequal": "it stops: the counts differ",
    "blank-line": "the counts differ, or every caption after the line meets the next video",
    "line-break-inside": "it takes one caption for several, so that the counts differ or captions move to other videos",
}
_FINETRAINERS = _made(
    "finetrainers/data/dataset.py and functional/video.py, huggingface/finetrainers f476c37",
    errors={
        **_LISTS,
        "bad-row": "it stops at the row",
        "no-video": "it leaves the caption out",
        "not-read": "it takes metadata.json for its layout, but datasets reads metadata.csv, .jsonl and .parquet only: "
        "the clips come without captions, and it stops at the first",
        "same-name": "it stops: one text is the caption of two files",
        "unknown-ending": "it does not see the file",
        "too-few-frames": "it uses the first frame only, as a still picture",
        "cut-off": f"{_CUT} | its issue 426 lost the end of every prompt this way",
    },
)
_COGVIDEOX = _made(
    "examples/cogvideo/train_cogvideox_lora.py, huggingface/diffusers 58eb52c",
    errors={
        **_LISTS,
        "blank-line": "it drops empty lines before it counts: all later captions belong to other videos",
        "too-few-frames": "it fails when it stacks clips of different length",
    },
)
_DIFFUSION_PIPE = _made(
    "utils/dataset.py and models/base.py, tdrussell/diffusion-pipe 8f83dbf",
    errors={
        "no-caption": "it logs a warning and skips the clip (skip_empty_caption is true where it is not set)",
        "no-video": "it does not see the caption",
        "not-read": "captions.json wins; the texts beside the clips are not read",
        "bad-row": "it stops: captions.json must hold lists of captions",
        "same-name": "both files get the same text",
        "too-few-frames": "it skips the clip: frames are counted at the frame rate of the model | issues 349 and 391, "
        "where 89 frames did not fit a bucket of 89, and 101 frames at 23.98 were 67",
        "shuffled": "it splits captions at ', ' and shuffles the parts: order and camera moves are lost",
        "unreadable-file": "it logs a warning and skips the clip",
    },
)
_MUSUBI = _made(
    "src/musubi_tuner/dataset, kohya-ss/musubi-tuner 30c658c",
    errors={
        "blank-line": "it stops: the line is not JSON",
        "bad-row": "it stops",
        "no-caption": "it stops when it reads the caption",
        "not-read": "it stops: without caption_extension it looks for no captions",
        "no-video": "it does not see the caption",
        "same-name": "it keeps captions by file name: one gets the caption of the other",
        "chunked": "every part of a clip gets the caption of the whole",
        "missing-field": "it takes frames as they are: at another rate than the model's, motion is too fast or slow",
        "another-rate": "it takes frames as they are, so that motion is too fast or slow for the model",
        "too-few-frames": "it leaves the clip out without a word",
        "cut-off": f"{_CUT} | issues 42 (the last of three camera moves was not learned) and 1002",
        "unknown-ending": "it does not see the file",
    },
)
_DIFFSYNTH = _made(
    "diffsynth/core/data/unified_dataset.py and operators.py, modelscope/DiffSynth-Studio fed7b18",
    errors={
        "blank-line": "it stops: the line is not JSON",
        "bad-row": "it stops at the row",
        "unknown-ending": "it stops: the ending is not known",
        "empty-caption": "the prompt is empty, or not a text (CSV: NaN), and it stops",
    },
    warnings={
        "another-rate": "it takes frames as they are: motion is too fast or slow for the model",
        "too-few-frames": "it takes fewer frames, as many as make 4n + 1, without a word",
    },
)
_FASTVIDEO = _made(
    "fastvideo/workflow/preprocess/components.py, hao-ai-lab/FastVideo 2f3d407",
    errors={
        "missing-field": "it stops, or drops the clip: it filters by frame rate, frames and size",
        "several-captions": "it has no place for several: encoding fails or takes one | issue 165",
        "empty-caption": "it drops the clip",
        "too-long": "it drops the clip",
        "wrong-field": "it picks frames by the numbers of the manifest, beyond the end of the file or not up to it",
        "too-few-frames": "it takes fewer frames, and fails when it stacks clips of different length",
        "bad-row": "it stops at the row",
    },
)
_LTX_SHARED = {
    "blank-line": "it stops: the line is not JSON",
    "bad-row": "it stops at the row",
    "missing-file": "it stops before it computes anything",
    "same-name": "it keeps both under one name: one gets the caption of the other",
    "frames-off-step": "it stops: buckets have 8n + 1 frames",
    "size-off-step": "it stops: sides are multiples of 32",
    "stale-cache": "it trains on what was computed from another table",
}
_LTX_WARNINGS = {"another-rate": "it takes frames as they are, and passes their rate on"}
_LTX = _made(
    "scripts/process_videos.py and process_captions.py, Lightricks/LTX-Video-Trainer 31b1273",
    errors={
        **_LTX_SHARED,
        "shifts-captions": "it leaves the video out but not its caption, so that every later video gets the caption of "
        "the one before | issue 59",
        "outside-folder": "it stops: files must be below the folder of the table",
        "cut-off": f"{_CUT}",
    },
    warnings=_LTX_WARNINGS,
)
_LTX_2 = _made(
    "packages/ltx-trainer/scripts and src/ltx_trainer/datasets.py, Lightricks/LTX-2 400fd31",
    errors={
        **_LTX_SHARED,
        "too-few-frames": "it logs a warning and skips the clip",
        "mask-too-short": "it stops in training: the mask has fewer latent frames than the clip",
        "reference-too-short": "it skips the reference with a warning, and then the clip with a message only at the "
        "level of debugging",
        "unreadable-file": "it leaves the clip out with a warning, and stops where it is a mask",
        "not-read": "it looks for columns in the first row only: it does not read those of later rows, and stops where "
        "one is missing later",
    },
    warnings={
        **_LTX_WARNINGS,
        "no-sound": "where sound is trained, it skips the clip with a message only at the level of debugging | issue "
        "174: its captions tell what is heard, too",
    },
)
_AI_TOOLKIT = _made(
    "toolkit/data_loader.py and dataloader_mixins.py, ostris/ai-toolkit 27a03a9",
    errors={
        "no-caption": "it trains the clip with an empty caption, without a word",
        "no-video": "it does not see the caption",
        "same-name": "both files get the same text",
        "chunked": "a random run of frames gets the caption of the whole clip",
        "shuffled": "it splits captions at commas and shuffles the parts: order and camera moves are lost",
        "unreadable-file": "it prints the error and leaves the clip out",
    },
    warnings={"too-few-frames": "it repeats frames to stretch the clip: motion is too slow"},
)
_SIMPLETUNER = _made(
    "simpletuner/helpers/prompts.py, metadata/backends and caching/vae.py, bghira/SimpleTuner bc8e6ab",
    errors={
        "no-caption": "it stops: the caption file is not found",
        "no-video": "it does not see the caption",
        "same-name": "both files get the same text",
        "shuffled": "it shuffles the parts of a caption: order and camera moves are lost",
        "too-few-frames": "it skips the clip",
        "name-too-long": "it trains on what the name holds: the caption ends where the name had to",
        "unreadable-file": "it skips the clip",
    },
    warnings={"split-caption": "each line is a caption of its own, of which it takes one by chance"},
)
_TARS = _made(
    "github.com/webdataset/webdataset: members are grouped by the name before the first dot",
    errors={
        "no-video": "the sample has no video, or readers ask for one that is in another sample",
        "same-name": "the sample before it is another one, and readers keep both or stop",
    },
)

TRAINERS: dict[str, Trainer] = {
    "open-sora-plan": Trainer(_PLAN, Needs((".mp4",), most=5.0, resamples=True), several=True),
    "open-sora-plan-v1.1": Trainer(_PLAN, Needs((".mp4",))),
    "open-sora": Trainer(_OPEN_SORA),
    "finetrainers": Trainer(_FINETRAINERS, Needs((".mp4", ".mov")), several=True),
    "diffusers-cogvideox": Trainer(_COGVIDEOX),
    "diffusion-pipe": Trainer(_DIFFUSION_PIPE, Needs(resamples=True), several=True),
    "musubi-tuner": Trainer(_MUSUBI, Needs(resamples=True), name_of=_by_stem_in_lists),
    "diffsynth": Trainer(_DIFFSYNTH, Needs(diffsynth.ENDINGS)),
    "fastvideo": Trainer(_FASTVIDEO, Needs(most=5.0, resamples=True)),
    "ltx-video-trainer": Trainer(_LTX, multiple=32, name_of=_by_path_without_ending),
    "ltx-2": Trainer(_LTX_2, multiple=32, name_of=_by_path_without_ending),
    "ai-toolkit": Trainer(_AI_TOOLKIT),
    "simpletuner": Trainer(_SIMPLETUNER, Needs(beside.ENDINGS), several=True),
    "webdataset": Trainer(_TARS, several=True),
}
"""What is known of each trainer, by the name of its manifest."""
