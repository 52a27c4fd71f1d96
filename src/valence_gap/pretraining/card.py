"""The folder of a pre-trained miniature backbone: weights, configuration, card and record."""

import json
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, cast

from transformers import PreTrainedModel

from valence_gap.definitions.miniature import Pretraining, Speech
from valence_gap.definitions.values import SAMPLE_RATE_HZ, to_json
from valence_gap.pretraining.curve import Point
from valence_gap.pretraining.saved_progress import Progress
from valence_gap.runtime import precision
from valence_gap.runtime.files import atomic_folder, copy_mode, read_json, write_json, write_text
from valence_gap.runtime.provenance import checksum, run_record
from valence_gap.weights.model_types import CONFIG, WEIGHTS
from valence_gap.weights.synthetic import MADE_HERE

# SpecAugment in fine-tuning, as in the configurations of the published models; they have dropout, too.
MASKED_SHARE = 0.05
MASKED_SPAN_S = 0.2

CARD = """\
---
license: mit
library_name: transformers
tags: [speech, {architecture}, synthetic-speech]
---
# {name}

A miniature speech encoder of {parameters:,} parameters in the {title} architecture: {layers} layers of {hidden} hidden
units, {frames_per_s} frames per second from a seven-layer convolutional stem ({channels} channels, {stem}
normalisation). Input: 16 kHz, zero mean, unit variance. The weights are kept in bfloat16.

## What it is
With it the embedded miniature of this reproduction can run as the paper's study does, on an encoder that is really
pre-trained. It was trained to predict the cluster of masked frames (HuBERT's task, {clusters} clusters of MFCCs),
{steps} steps of {batch_size} crops of {crop_s} s, in {train_min:.0f} minutes on {hardware}.
Masked accuracy over the last hundred steps: {accuracy:.3f} (chance is about {chance:.3f}).

## What it is not
Its training data contain no human voice: all speech is synthesised by espeak-ng. It is of no use for real recordings,
and no number obtained with it replaces a number of the paper.{task_note}

## Speech
{hours:.2f} hours, languages {languages}{noise_text}; texts and voices are generated (seed {speech_seed}), and do
not include the miniature's labelled sentences or speakers.

## Licence
MIT, as the project. espeak-ng (GPL-3) synthesised the training speech; these weights contain no part of it.
"""

TASK_NOTE = (
    " It has the architecture of wav2vec 2.0, but not its contrastive task, which needs far more speech and steps than "
    "a miniature can afford."
)


def save(
    output: Path,
    model: PreTrainedModel,
    name: str,
    definition: Pretraining,
    speech: Speech,
    *,
    hours: float,
    progress: Progress,
    started: float,
) -> None:
    """Write the complete folder, or nothing.

    Args:
        output: the folder.
        model: the encoder; it is converted to bfloat16.
        name: name of the backbone.
        definition: how it was trained.
        speech: the speech that it was trained on.
        hours: hours of that speech.
        progress: its learning curve and times.
        started: ``time.monotonic()`` at the start of this run.
    """
    device = precision.device()
    definitions = {"pretraining": json.loads(to_json(definition)), "speech": json.loads(to_json(speech))}
    record = run_record(definitions, started=started, device=precision.name_of(device), audio_s=3600 * hours)
    record |= {"train_s": round(progress.train_s, 1), "resumes": progress.resumes}
    with atomic_folder(output) as scratch:
        save_weights(scratch, model, fine_tuning(definition))
        write_json(scratch / "preprocessor_config.json", preprocessor(definition.stem))
        record |= made_here(scratch, model, progress.points) | {"hours": round(hours, 3)}
        write_text(scratch / "README.md", _card(name, definition, speech, record, hours))
        write_json(scratch / "run.json", record)


def fine_tuning(definition: Pretraining) -> dict[str, Any]:
    """The keys of ``config.json`` that say how spans are masked in fine-tuning: other ones than in pre-training."""
    return {
        "apply_spec_augment": True,
        "mask_time_prob": MASKED_SHARE,
        "mask_time_length": round(MASKED_SPAN_S * SAMPLE_RATE_HZ / prod(definition.stem_strides)),
    }


def save_weights(folder: Path, model: PreTrainedModel, settings: Mapping[str, Any] | None = None) -> None:
    """Write the weights of a model in bfloat16, and its configuration.

    Args:
        folder: receives ``model.safetensors`` and ``config.json``.
        model: is converted to bfloat16.
        settings: replace those of its configuration; besides, the model computes in float32 when it is loaded.
    """
    cast(Any, model).bfloat16().save_pretrained(folder)
    config = read_json(folder / CONFIG) | (settings or {}) | {"dtype": "float32"}
    write_json(folder / CONFIG, config)
    copy_mode(folder / CONFIG, folder / WEIGHTS)  # transformers makes the weights private


def made_here(
    folder: Path, model: PreTrainedModel, curve: Sequence[Point], *, source: str = MADE_HERE
) -> dict[str, Any]:
    """What ``run.json`` says about a model of this project: where it is from, its size, and how it learned."""
    measures = ("step", "loss", "masked_accuracy")
    return {
        "source": source,
        "revision": None,
        "licence": "mit",
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "sha256": {WEIGHTS: checksum(folder / WEIGHTS)},
        "curve": [dict(zip(measures, point, strict=False)) for point in curve],
    }


def preprocessor(stem: str) -> dict[str, Any]:
    """The content of ``preprocessor_config.json``: 16 kHz, zero mean, unit variance.

    Args:
        stem: normalisation of the convolutional stem, ``group`` or ``layer``.
    """
    return {
        "feature_extractor_type": "Wav2Vec2FeatureExtractor",
        "feature_size": 1,
        "sampling_rate": SAMPLE_RATE_HZ,
        "do_normalize": True,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": stem == "layer",
    }


def _card(name: str, definition: Pretraining, speech: Speech, record: Mapping[str, Any], hours: float) -> str:
    hop_s = prod(definition.stem_strides) / SAMPLE_RATE_HZ
    crops_s = sorted({hop_s * frames for frames in definition.crop_frames})
    threads = f"{record['device']}, {definition.threads} CPU thread(s)"
    return CARD.format(
        name=name,
        parameters=record["parameters"],
        hours=hours,
        accuracy=record["curve"][-1]["masked_accuracy"],
        chance=1 / definition.clusters,
        architecture=definition.architecture,
        title="HuBERT" if definition.architecture == "hubert" else "wav2vec 2.0",
        layers=definition.layers,
        hidden=definition.hidden,
        channels=", ".join(map(str, definition.stem_channels)),
        stem=definition.stem,
        frames_per_s=f"{1 / hop_s:g}",
        clusters=definition.clusters,
        steps=definition.steps,
        batch_size=definition.batch_size,
        crop_s=f"{crops_s[0]:g}" + (f" to {crops_s[-1]:g}" if len(crops_s) > 1 else ""),
        train_min=record["train_s"] / 60,
        hardware=threads,
        task_note=TASK_NOTE if definition.architecture == "wav2vec2" else "",
        languages=", ".join(speech.languages),
        noise_text=", with noise and telephone bandwidth mixed in" if speech.noise else "",
        speech_seed=speech.seed,
    )
