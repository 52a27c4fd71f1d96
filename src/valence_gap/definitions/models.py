"""The typed definitions that a study is made of; the JSON schema of the configuration is generated from them.

Every class is a frozen dataclass. ``to_json`` gives the one canonical spelling of a definition, which rules pass to
sub-commands and Snakemake compares; ``from_json`` reads it back.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from valence_gap.definitions.validation import explain
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import canonical_json

CLEAN = "clean"
# Of the utterances that have a transcript of which the engine makes a sound: some, never a promised all.
SYNTHESISED = "synthesised"
# What rows of the mean CCC over all augmentations have in place of a condition; no condition's name has spaces.
AUGMENTED_MEAN = "mean of augmented"
MINIATURE_ROOT = "{miniature}"
SAMPLE_RATE_HZ = 16_000
ADAPTERS = ("audformat", "cmu-mosi", "iemocap", "msp-podcast", "table")
"""Names of the readers of :mod:`valence_gap.corpora.prepare`, which is slow to import."""

Dimension = Literal["arousal", "dominance", "valence"]
Split = Literal["train", "dev", "test"]
DIMENSIONS: tuple[Dimension, ...] = ("arousal", "dominance", "valence")
SPLITS: tuple[Split, ...] = ("train", "dev", "test")
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$")]
Positive = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0)]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

T = TypeVar("T")


def to_json(value: Any) -> str:
    """The canonical JSON of a definition: equal definitions give equal text."""
    return canonical_json(TypeAdapter(type(value)).dump_python(value, mode="json"))


def from_json(cls: type[T], text: str) -> T:
    """Read a definition of class ``cls`` back from its JSON.

    Raises:
        UserError: one line for each thing that is wrong: the key, the value, and what would be valid.
    """
    try:
        return TypeAdapter(cls).validate_json(text)
    except ValidationError as error:
        wrong = [explain(one, cls, root=(cls.__name__,)) for one in error.errors(include_url=False)]
        raise UserError(
            "a definition given as JSON is not valid",
            wrong,
            "Give one JSON object, in single quotes for the shell; `snakemake --printshellcmds` shows valid ones.",
        ) from None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Corpus:
    """A corpus that is trained or tested on. Paths are kept apart: moving a corpus changes nothing."""

    adapter: Annotated[
        str, Field(description="Reader of its on-disk format: msp-podcast, iemocap, cmu-mosi, table or audformat.")
    ]
    label: Annotated[str, Field(description="Name shown in figures.")]
    splits: Annotated[
        Mapping[Split, str | tuple[str, ...]],
        Field(description="Our split (train, dev, test) -> the corpus' own split name(s), such as test: test-1."),
    ]
    dimensions: Annotated[
        tuple[Dimension, ...], Field(description="Dimensions that are annotated (sentiment counts as valence).")
    ] = DIMENSIONS
    release: Annotated[str | None, Field(description="Release of the corpus, such as '1.7'.")] = None
    # Not part of its JSON, by which Snakemake compares: it changes no number.
    licence: Annotated[
        str | None, Field(exclude=True, description="Its licence in words, for the card of an exported model.")
    ] = None
    scale: Annotated[
        Mapping[Dimension, tuple[float, float]] | None,
        Field(description="Lowest and highest label per dimension; by default the adapter's own."),
    ] = None
    out_of_scale: Annotated[
        Literal["keep", "clip", "fail"], Field(description="What to do with a label outside its scale.")
    ] = "fail"
    on_bad_audio: Annotated[
        Literal["fail", "skip"], Field(description="Whether an unreadable audio file with a label stops the run.")
    ] = "fail"
    on_missing_audio: Annotated[
        Literal["fail", "skip"],
        Field(
            description="Whether it stops the run that a twentieth of the rows or more have no audio file, as in a "
            "half-copied corpus; fewer are left out."
        ),
    ] = "fail"
    speakers_disjoint: Annotated[
        bool, Field(description="The corpus promises that no speaker is in two splits; broken promises stop the run.")
    ] = True
    columns: Annotated[
        Mapping[str, str] | None,
        Field(
            description="table, audformat: our column (file, split, speaker, gender, ...) -> the table's column; "
            "audformat: table -> the name of the table, with {split} for the database's split."
        ),
    ] = None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class CorpusPaths:
    """Where a corpus lies. ``{miniature}`` at the start of a path stands for the embedded miniature's raw folder."""

    audio: Annotated[tuple[str, ...], Field(description="Audio folder(s), searched in order.")]
    labels: Annotated[str, Field(description="Folder (or file) of the labels.")]
    transcripts: Annotated[str | None, Field(description="Folder of the transcripts, where there are any.")] = None
    speakers: Annotated[str | None, Field(description="File with speakers or genders, where it is kept apart.")] = None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Noise:
    """The noise corpus, in ESC-50's format."""

    root: Annotated[str, Field(description="ESC-50's root folder, with audio/ and meta/esc50.csv.")]


def is_local(source: str) -> bool:
    """Whether a source is a folder (it begins with /, ./, ../ or ~/) and not a hub id."""
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
        Field(description="Hub id, or local folder (a path with a slash at its start or ./) in Hugging Face format."),
    ] = None
    revision: Annotated[str | None, Field(description="Commit hash on the hub; a hub id must be pinned.")] = None
    streamed: Annotated[
        bool,
        Field(
            description="Compute what the encoder is given from the audio whenever it is needed, and cache nothing. A "
            "must for models without a convolutional stem on the waveform: w2v-BERT, Whisper."
        ),
    ] = False
    label: Annotated[str, Field(description="Name shown in tables.")] = ""
    datasets: Annotated[str, Field(description="What it was pre-trained on, for Table II.")] = ""
    hours: Annotated[str, Field(description="Hours of it, such as 960 or 60k, for Table II.")] = ""
    languages: Annotated[str, Field(description="Its language, or their number, for Table II.")] = ""
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


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Recipe:
    """How a model is trained (paper, section III-B)."""

    optimizer: Annotated[Literal["adamw", "sgd"], Field(description="Optimiser.")] = "adamw"
    learning_rate: Annotated[PositiveFloat, Field(description="Learning rate.")] = 1e-4
    schedule: Annotated[
        Literal["constant", "cosine"],
        Field(description="constant: a fixed rate, as the paper's. cosine: a short warm-up, then down to 2 %."),
    ] = "constant"
    momentum: Annotated[float, Field(ge=0, lt=1, description="sgd: Nesterov momentum.")] = 0.9
    weight_decay: Annotated[float, Field(ge=0, description="Weight decay.")] = 0.0
    gradient_norm: Annotated[PositiveFloat | None, Field(description="Gradients are clipped to this norm.")] = 1.0
    batch_size: Annotated[
        Positive, Field(description="Utterances in a batch; the CCC loss is a statistic of all of them.")
    ] = 32
    micro_batch_size: Annotated[
        Positive | None, Field(description="Utterances on the card at once; the loss stays that of the whole batch.")
    ] = None
    epochs: Annotated[Positive, Field(description="Epochs, or the most of them with early stopping.")] = 5
    patience: Annotated[
        Positive | None, Field(description="Stop after so many epochs without a better dev CCC; null: never.")
    ] = None
    max_duration_s: Annotated[
        PositiveFloat | None, Field(description="Training utterances are cut to this length; null: whole.")
    ] = None
    head_dropout: Annotated[float, Field(ge=0, lt=1, description="Dropout in the regression head.")] = 0.1
    train_stem: Annotated[
        bool, Field(description="Train the convolutional stem too (the paper: without pre-training only).")
    ] = False
    precision: Annotated[
        Literal["auto", "fp32", "bf16"], Field(description="auto: bf16 where the hardware multiplies in it, else fp32.")
    ] = "auto"
    activation_checkpointing: Annotated[bool, Field(description="Recompute activations to save memory.")] = False
    deterministic: Annotated[
        bool,
        Field(
            description="GPU: kernels that give the same bits every time, slower, for the training, its stem features "
            "and its predictions. On a CPU it is always so."
        ),
    ] = False
    threads: Annotated[
        Positive, Field(description="CPU threads of the job; they shape the numbers, so they are fixed.")
    ] = 1


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Checkpoint:
    """A finished model that is evaluated as it is: in the layout of the authors' released one, or saved by a study."""

    source: Annotated[
        str, Field(description="Hub id, or local folder (a path with a slash at its start or ./) with config.json.")
    ]
    revision: Annotated[str | None, Field(description="Commit hash on the hub; a hub id must be pinned.")] = None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Model:
    """One row of the experiments: fine-tuned, frozen, pruned, sparse and unpre-trained variants are the same kind.

    A model has a backbone and a recipe, or a checkpoint: then nothing is trained.
    """

    backbone: Annotated[str | None, Field(description="Name of its backbone.")] = None
    recipe: Annotated[str | None, Field(description="Name of its recipe.")] = None
    checkpoint: Annotated[
        Checkpoint | None, Field(description="A finished model, in place of backbone and recipe; it is not trained.")
    ] = None
    overrides: Annotated[Mapping[str, Any], Field(description="Keys of the recipe that differ for this model.")] = (
        Field(default_factory=dict)
    )
    frozen: Annotated[bool, Field(description="Train the head only.")] = False
    pretrained: Annotated[bool, Field(description="Start from the backbone's weights; false: from random ones.")] = True
    layers: Annotated[Positive | None, Field(description="Bottom transformer layers that are kept; null: all.")] = None
    fraction: Annotated[float, Field(gt=0, le=1, description="Fraction of the training set.")] = 1.0
    seeds: Annotated[tuple[int, ...], Field(min_length=1, description="Seeds; each is a training of its own.")] = (42,)
    label: Annotated[str, Field(description="Name shown in figures.")]
    colour: Annotated[Colour, Field(description="Colour in every figure.")]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class FusionModel:
    """A head on the states of a trained audio model and the text that a recogniser hears (paper, section IV-B)."""

    audio: Annotated[str, Field(description="Name of the audio model; its seeds are the fusion's.")]
    recipe: Annotated[str, Field(description="Name of its recipe.")]
    label: Annotated[str, Field(description="Name shown in figures.")]
    colour: Annotated[Colour, Field(description="Colour in every figure.")]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Training:
    """All that shapes one trained model, resolved from the study: what the training job is given."""

    backbone: Backbone
    recipe: Recipe
    frozen: bool
    pretrained: bool
    layers: int | None
    fraction: float
    seed: int


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Condition:
    """A materialised variant of the test sets (paper, section III-D)."""

    kind: Annotated[Literal["noise", "speed", "fade"], Field(description="What is done to the audio.")]
    label: Annotated[str, Field(description="Name shown in figures and tables.")]
    noise_class: Annotated[
        Literal["natural", "human", "interior"] | None, Field(description="noise: ESC-50's major class.")
    ] = None
    snr_db: Annotated[float | None, Field(description="noise: signal-to-noise ratio in dB.")] = None
    factor: Annotated[PositiveFloat, Field(description="speed: how much faster the segment is.")] = 1.25
    share: Annotated[
        tuple[float, float], Field(description="speed: least and greatest share of the utterance that is sped up.")
    ] = (0.1, 0.2)
    rate_per_s: Annotated[PositiveFloat, Field(description="fade: change of the gain per second.")] = 0.02


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Evaluation:
    """How scores are computed."""

    bootstrap: Annotated[Positive, Field(description="Resamples of the utterances.")] = 1000
    confidence: Annotated[float, Field(gt=0, lt=1, description="Confidence of the intervals.")] = 0.95
    seed: Annotated[int, Field(description="Seed of the resampling.")] = 0
    min_samples: Annotated[Positive, Field(description="Speakers with fewer labelled utterances are left out.")] = 200
    speaker_draws: Annotated[Positive, Field(description="Utterances drawn of each speaker for one resample.")] = 200
