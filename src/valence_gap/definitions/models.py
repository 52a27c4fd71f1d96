"""Definitions of backbones, recipes and models (paper, section III-B)."""

import operator
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from valence_gap.definitions.colours import Colour
from valence_gap.definitions.values import STRICT, Positive, PositiveFloat, is_none

RESOLVE = "resolve"
"""The revision of a hub id whose commit is looked up when it is fetched for the first time."""

Revision = Annotated[
    str | None,
    Field(
        description="Commit hash on the hub. A hub id must be pinned; 'resolve': to the commit of its main branch "
        "when it is first fetched, which is recorded and kept."
    ),
]
Checksums = Annotated[
    Mapping[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] | None,
    Field(
        exclude_if=lambda sums: not sums,
        description="SHA-256 of files at the source, by file name: a fetched file with another one is refused. null: "
        "none, for a source or revision that is not the preset's.",
    ),
]


def _or_null(schema: dict[str, Any]) -> None:
    """Let the schema of a key allow null: the key is left out before the configuration is validated."""
    kind = {key: schema.pop(key) for key in ("type", "items", "minItems") if key in schema}
    schema["anyOf"] = [kind, {"type": "null"}]


def is_local(source: str) -> bool:
    """Whether a source is a folder (it starts with /, ./, ../ or ~/) and not a hub id."""
    return source.startswith(("/", "./", "../", "~/")) or source in (".", "..")


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Backbone:
    """A pre-trained encoder, or the architecture of the CNN14 baseline."""

    architecture: Annotated[
        Literal["transformer", "cnn14", "recogniser", "text"],
        Field(
            description="transformer: a Hugging Face speech encoder; cnn14: the baseline; recogniser: a CTC speech "
            "recogniser; text: a BERT."
        ),
    ] = "transformer"
    source: Annotated[
        str | None,
        Field(description="Hub id, or local folder (a path that starts with / or ./) in Hugging Face format."),
    ] = None
    revision: Revision = None
    sha256: Checksums = Field(default_factory=dict)
    streamed: Annotated[
        bool,
        Field(
            description="Compute the input of the encoder from the audio whenever it is needed, and cache nothing. "
            "Required for models without a convolutional stem on the waveform: w2v-BERT, Whisper."
        ),
    ] = False
    label: Annotated[str, Field(description="Name shown in tables.")] = ""
    datasets: Annotated[str, Field(description="What it was pre-trained on, for Table II.")] = ""
    hours: Annotated[str, Field(description="Hours of this speech, such as 960 or 60k, for Table II.")] = ""
    languages: Annotated[str, Field(description="Its language, or the number of languages, for Table II.")] = ""
    domains: Annotated[str, Field(description="Its domains (R read, T telephone, ...), for Table II.")] = ""
    channels: Annotated[tuple[Positive, ...], Field(description="cnn14: channels of the convolutional blocks.")] = (
        64,
        128,
        256,
        512,
        1024,
        2048,
    )
    mel_bins: Annotated[Positive, Field(description="cnn14: log-Mel bins.")] = 64
    window_s: Annotated[PositiveFloat, Field(description="cnn14: window of the spectrogram in seconds.")] = 0.032
    hop_s: Annotated[PositiveFloat, Field(description="cnn14: hop of the spectrogram in seconds.")] = 0.010
    block_pooling: Annotated[
        Literal["max", "average"],
        Field(description="cnn14: pooling inside the blocks (the paper: max; PANNs: average)."),
    ] = "max"
    block_dropout: Annotated[float, Field(ge=0, lt=1, description="cnn14: dropout after each block.")] = 0.2
    spec_augment: Annotated[
        bool,
        Field(
            exclude_if=operator.not_,
            description="cnn14: SpecAugment as in PANNs: in training, two stripes of up to 0.64 s and two of up to an "
            "eighth of the Mel bins are masked.",
        ),
    ] = False


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Recipe:
    """How a model is trained (paper, section III-B)."""

    optimizer: Annotated[Literal["adamw", "sgd"], Field(description="Optimiser.")] = "adamw"
    learning_rate: Annotated[PositiveFloat, Field(description="Learning rate.")] = 1e-4
    schedule: Annotated[
        Literal["constant", "cosine"],
        Field(description="constant: a fixed rate, as in the paper. cosine: a short warm-up, then down to 2 %."),
    ] = "constant"
    momentum: Annotated[float, Field(ge=0, lt=1, description="sgd: Nesterov momentum.")] = 0.9
    weight_decay: Annotated[float, Field(ge=0, description="Weight decay.")] = 0.0
    gradient_norm: Annotated[PositiveFloat | None, Field(description="Gradients are clipped to this norm.")] = 1.0
    batch_size: Annotated[
        Positive, Field(description="Utterances in a batch; the CCC loss is computed over all of them.")
    ] = 32
    micro_batch_size: Annotated[
        Positive | Literal["auto"] | None,
        Field(
            description="Utterances on the GPU at once; the loss is still that of the whole batch. null: the whole "
            "batch; auto: as many as the GPU's memory is estimated to hold, recorded in run.json."
        ),
    ] = None
    epochs: Annotated[Positive, Field(description="Epochs; with early stopping, the maximum.")] = 5
    evaluate_every: Annotated[
        Positive | None,
        Field(
            exclude_if=is_none,
            description="Evaluate the dev set after every N optimiser steps of the training, and at the end of each "
            "epoch; null: at the end of each epoch only. The best of all evaluations is kept.",
        ),
    ] = None
    patience: Annotated[
        Positive | None,
        Field(
            description="Stop after this number of evaluations of the dev set (one per epoch, or see evaluate_every) "
            "without a better CCC; null: never."
        ),
    ] = None
    max_duration_s: Annotated[
        PositiveFloat | None, Field(description="Training utterances are cut to this length; null: not cut.")
    ] = None
    head_dropout: Annotated[
        Annotated[float, Field(ge=0, lt=1)] | None,
        Field(
            description="Dropout in the regression head; null: the final_dropout of the backbone, for a fusion that of "
            "its audio model's backbone. CNN14 has none, so it needs a number."
        ),
    ] = 0.1
    batches: Annotated[
        Literal["by-length", "shuffled"] | None,
        Field(
            description="by-length: utterances of similar length in a batch, so that there is little padding. "
            "shuffled: any utterances. null: by-length; shuffled for frozen models and fusions, where only a head is "
            "trained.",
            exclude_if=is_none,
        ),
    ] = None
    frozen_mode: Annotated[
        Literal["evaluation", "training"],
        Field(
            description="frozen models: evaluation: no dropout, layer drop or SpecAugment in the frozen part, so its "
            "states are computed once. training: all of them are on while the head is trained, as Trainer of "
            "transformers leaves them, so the states are computed in each step.",
            exclude_if=lambda value: value == "evaluation",
        ),
    ] = "evaluation"
    train_stem: Annotated[
        bool, Field(description="Train the convolutional stem too (in the paper: only without pre-training).")
    ] = False
    precision: Annotated[
        Literal["auto", "fp32", "bf16"],
        Field(
            description="auto: on a GPU bf16 if it has such products; on a CPU bf16 if it is a fifth faster or more, "
            "measured once for a study (results/<study>/precision.json). fp32: nothing is rounded."
        ),
    ] = "auto"
    activation_checkpointing: Annotated[bool, Field(description="Recompute activations to save memory.")] = False
    deterministic: Annotated[
        bool,
        Field(
            description="GPU: use kernels that give the same bits every time, but are slower, for the training, its "
            "stem features and its predictions. On a CPU this is always the case."
        ),
    ] = False
    threads: Annotated[
        Positive, Field(description="CPU threads of the job; they influence the numbers, so they are fixed.")
    ] = 1


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Checkpoint:
    """A finished model that is evaluated without training: in the layout of the authors' one, or saved by a study."""

    source: Annotated[
        str, Field(description="Hub id, or local folder (a path that starts with / or ./) with config.json.")
    ]
    revision: Revision = None
    sha256: Checksums = Field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Model:
    """One model of the experiments. Frozen, pruned, sparse and randomly initialised variants are models too.

    A model has a backbone and a recipe, or a checkpoint. A checkpoint is not trained.
    """

    backbone: Annotated[str | None, Field(description="Name of its backbone.")] = None
    recipe: Annotated[str | None, Field(description="Name of its recipe.")] = None
    checkpoint: Annotated[
        Checkpoint | None, Field(description="A finished model, instead of backbone and recipe; it is not trained.")
    ] = None
    overrides: Annotated[Mapping[str, Any], Field(description="Keys of the recipe that differ for this model.")] = (
        Field(default_factory=dict)
    )
    frozen: Annotated[bool, Field(description="Train the head only.")] = False
    pretrained: Annotated[
        bool, Field(description="Start from the backbone's weights; false: random initialisation.")
    ] = True
    layers: Annotated[Positive | None, Field(description="Bottom transformer layers that are kept; null: all.")] = None
    fraction: Annotated[float, Field(gt=0, le=1, description="Fraction of the training set.")] = 1.0
    fraction_seed: Annotated[
        int | None, Field(description="Seed that draws the fraction; null: the seed of the training.")
    ] = None
    seeds: Annotated[
        tuple[int, ...],
        Field(
            min_length=1,
            description="Seeds; each gives one training. null: the model names none, see seeds_per_model.",
            json_schema_extra=_or_null,
        ),
    ] = (42,)
    label: Annotated[str, Field(description="Name shown in figures; empty: the model's.")] = ""
    colour: Annotated[
        Colour | None,
        Field(
            description="Colour in every figure, as #rrggbb or a name of CSS; null: one of nine that colour-blind "
            "readers can distinguish, in the order in which the models without a colour are defined."
        ),
    ] = None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class FusionModel:
    """A head on the embeddings of a trained audio model and of the recognised text (paper, section IV-B)."""

    audio: Annotated[str, Field(description="Name of the audio model; the fusion has the same seeds.")]
    recipe: Annotated[str, Field(description="Name of its recipe.")]
    label: Annotated[str, Field(description="Name shown in figures; empty: that of the audio model.")] = ""
    colour: Annotated[
        Colour | None,
        Field(description="Colour in every figure, as #rrggbb or a name of CSS; null: that of the audio model."),
    ] = None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Training:
    """Everything that determines one trained model, resolved from the study: the input of the training job."""

    backbone: Backbone
    recipe: Recipe
    frozen: bool
    pretrained: bool
    layers: int | None
    fraction: float
    seed: int
    fraction_seed: Annotated[int | None, Field(exclude_if=is_none)] = None
