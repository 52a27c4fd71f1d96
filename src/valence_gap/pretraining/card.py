"""The folder of a pre-trained miniature backbone: weights, configuration, card and record."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from transformers import PreTrainedModel

from valence_gap.definitions.miniature import Pretraining, Speech
from valence_gap.definitions.values import SAMPLE_RATE_HZ, to_json
from valence_gap.pretraining.curve import Point
from valence_gap.runtime.files import atomic_folder, copy_mode, read_json, write_json, write_text
from valence_gap.runtime.provenance import checksum, run_record
from valence_gap.weights.model_types import CONFIG, WEIGHTS
from valence_gap.weights.synthetic import MADE_HERE

# Neither SpecAugment nor dropout: a miniature is fine-tuned in so few steps that it under-fits, not over-fits.
FINE_TUNING = {"apply_spec_augment": False}


CARD = """\
---
license: mit
library_name: transformers
tags: [speech, {architecture}, synthetic-speech]
---
# {name}

A miniature speech encoder of {parameters:,} parameters in the {title} architecture: {layers} layers of {hidden} hidden
units on a seven-layer convolutional stem ({channels} channels, {stem} normalisation). Input: 16 kHz, zero mean, unit
variance. The weights are kept in bfloat16.

## What it is
With it the embedded miniature of this reproduction can run as the paper's study does, on an encoder that is really
pre-trained. It was trained to predict the cluster of masked frames (HuBERT's task, {iterations_text}),
{continued}{steps} steps{of_each} of {batch_size} crops of 1 to 3 s,
in {wall_min:.0f} minutes on {threads} CPU thread(s).
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
    curve: Sequence[Point],
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
        curve: (step, loss, masked accuracy).
        started: ``time.monotonic()`` at the start.
    """
    device = next(model.parameters()).device
    definitions = {"pretraining": json.loads(to_json(definition)), "speech": json.loads(to_json(speech))}
    record = run_record(definitions, started=started, device=str(device), audio_s=3600 * hours)
    with atomic_folder(output) as scratch:
        save_weights(scratch, model, FINE_TUNING)
        write_json(scratch / "preprocessor_config.json", preprocessor(definition.stem))
        record |= made_here(scratch, model, curve) | {"hours": round(hours, 3)}
        write_text(scratch / "README.md", _card(name, definition, speech, record, hours))
        write_json(scratch / "run.json", record)


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
    twice = definition.iterations == 2
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
        iterations_text=f"{definition.clusters} clusters of MFCCs"
        + (", then of the hidden states of a first model" if twice else ""),
        continued=f"starting from the weights of {definition.continues} (which has its own card), "
        if definition.continues
        else "",
        steps=definition.steps,
        of_each=" in each of two iterations" if twice else "",
        batch_size=definition.batch_size,
        wall_min=record["wall_s"] / 60,
        threads=definition.threads,
        task_note=TASK_NOTE if definition.architecture == "wav2vec2" else "",
        languages=", ".join(speech.languages),
        noise_text=", with noise and telephone bandwidth mixed in" if speech.noise else "",
        speech_seed=speech.seed,
    )
