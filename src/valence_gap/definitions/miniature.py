"""Typed definitions of the miniature: its corpora, and how its backbones are pre-trained.

They follow the rules of :mod:`valence_gap.definitions.models`: frozen, strict, and read back from their canonical JSON.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from valence_gap.definitions.values import STRICT, Positive, PositiveFloat, Split


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Pretraining:
    """How a miniature backbone is pre-trained: masked prediction of k-means targets."""

    architecture: Annotated[Literal["hubert", "wav2vec2"], Field(description="HubertModel or Wav2Vec2Model.")]
    stem: Annotated[Literal["group", "layer"], Field(description="Normalisation of the convolutional stem.")]
    stem_channels: Annotated[
        tuple[Positive, ...], Field(min_length=7, max_length=7, description="Channels of its seven layers.")
    ]
    stem_kernels: Annotated[
        tuple[Positive, ...], Field(min_length=7, max_length=7, description="Kernel of each of its layers.")
    ] = (10, 3, 3, 3, 3, 2, 2)
    stem_strides: Annotated[
        tuple[Positive, ...],
        Field(min_length=7, max_length=7, description="Stride of each; their product is a multiple of 320 samples."),
    ] = (5, 2, 2, 2, 2, 2, 2)
    position_kernel: Annotated[Positive, Field(description="Frames of the positional convolution's kernel.")] = 32
    hidden: Annotated[Positive, Field(description="Hidden units.")]
    layers: Annotated[Positive, Field(description="Transformer layers.")]
    heads: Annotated[Positive, Field(description="Attention heads.")]
    speech: Annotated[str, Field(description="Name of the unlabelled speech that it is trained on.")]
    hours: Annotated[PositiveFloat, Field(description="Hours of this speech.")]
    steps: Annotated[Positive, Field(description="Training steps.")]
    clusters: Annotated[Positive, Field(description="k-means targets.")] = 100
    target_weights: Annotated[
        tuple[PositiveFloat, PositiveFloat, PositiveFloat] | None,
        Field(
            description="Weights of the cepstra, less the utterance's mean, and of their first and second derivatives, "
            "each scaled to unit variance, in the distances of the clusters; null: none of this."
        ),
    ] = None
    crop_frames: Annotated[
        tuple[Positive, ...], Field(min_length=1, description="Frames of a crop; drawn for each step.")
    ] = (50, 75, 100, 125, 150)
    mask_starts: Annotated[
        float, Field(gt=0, lt=1, description="Share of the frames at which a masked span begins.")
    ] = 0.05
    mask_span: Annotated[Positive, Field(description="Frames of a masked span.")] = 8
    unmasked_weight: Annotated[
        tuple[float, float],
        Field(
            description="Weight of the loss of the unmasked frames at the first step, and after a fifth of the steps."
        ),
    ] = (1.0, 1.0)
    precision: Annotated[
        Literal["fp32", "bf16"],
        Field(description="bf16: the stem and the layers compute in bfloat16; fp32: only inside matrix products."),
    ] = "fp32"
    batch_size: Annotated[Positive, Field(description="Crops in a batch.")] = 8
    learning_rate: Annotated[PositiveFloat, Field(description="Peak learning rate.")] = 2e-3
    warm_up: Annotated[Positive, Field(description="Warm-up steps.")] = 50
    seed: Annotated[int, Field(description="Seed.")] = 0
    threads: Annotated[Positive, Field(description="CPU threads; they influence the numbers.")] = 1


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Speech:
    """Unlabelled miniature speech for pre-training; the data sets differ as those in the paper's Table II."""

    languages: Annotated[tuple[str, ...], Field(min_length=1, description="espeak-ng languages.")] = ("en",)
    rooms: Annotated[bool, Field(description="Record each utterance in a room, as in the miniature MSP-Podcast.")] = (
        False
    )
    noise: Annotated[bool, Field(description="Mix in noise and telephone bandwidth.")] = False
    seed: Annotated[int, Field(description="Seed.")] = 0


@dataclass(frozen=True, kw_only=True, config=STRICT)
class MiniatureCorpus:
    """Size of one split of a miniature corpus."""

    utterances: Annotated[Positive, Field(description="Number of utterances.")]
    speakers: Annotated[Positive, Field(description="Number of speakers, half of them female.")]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Miniature:
    """The content of the embedded miniature corpora, which are generated."""

    seed: Annotated[int, Field(description="Seed of texts, voices, labels and noises.")] = 0
    msp_podcast: Annotated[Mapping[Split, MiniatureCorpus], Field(description="Sizes of the miniature MSP-Podcast.")]
    iemocap: Annotated[MiniatureCorpus, Field(description="Size of the miniature IEMOCAP.")]
    cmu_mosi: Annotated[MiniatureCorpus, Field(description="Size of the miniature CMU-MOSI.")]
    esc50_clips: Annotated[Positive, Field(description="Clips of each noise category.")] = 2
    rater_noise: Annotated[float, Field(ge=0, description="Standard deviation of the rater noise, labels in 0..1.")] = (
        0.05
    )
    transcribed: Annotated[
        float, Field(ge=0, le=1, description="Share of MSP-Podcast's test set with a transcript.")
    ] = 0.55
