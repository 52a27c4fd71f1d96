"""The type of the whole configuration; its JSON schema is generated from here."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from valence_gap.definitions.claims import Claims
from valence_gap.definitions.corpora import Corpus, CorpusPaths, Noise
from valence_gap.definitions.evaluation import Condition, Evaluation, Projection
from valence_gap.definitions.miniature import Miniature, Pretraining, Speech
from valence_gap.definitions.models import Backbone, FusionModel, Model, Recipe
from valence_gap.definitions.text import Recogniser, Synthesiser, TextEncoder
from valence_gap.definitions.values import SPLITS, STRICT, Name, Positive, Split, is_empty, is_none


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Figure:
    """What a figure shows. The keys that it needs depend on the figure."""

    models: Annotated[tuple[str, ...], Field(description="Models shown, in order.")]
    corpora: Annotated[tuple[str, ...], Field(description="Corpora shown, in order.")]
    seeds: Annotated[Literal["all", "first"], Field(description="All seeds of each model, or the first.")] = "all"
    published: Annotated[
        bool,
        Field(description="Draw the published values (figures 2, 6 to 9, table 3; only for the paper's own corpora)."),
    ] = False
    transcribed: Annotated[
        tuple[str, ...],
        Field(description="Figure 3: further corpora whose test sets are transcribed, to show their word error rates."),
    ] = ()


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Export:
    """Which model ``snakemake export`` writes for use elsewhere."""

    model: Annotated[
        str | None, Field(description="A transformer model; null: the best of those in figure 2, by mean dev CCC.")
    ] = None
    seed: Annotated[int | None, Field(description="One of its seeds; null: the best of them.")] = None
    licence: Annotated[str | None, Field(description="Licence of the exported weights, for the model card.")] = None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Convergence:
    """How the stopping rule is checked."""

    doubled: Annotated[
        tuple[str, ...],
        Field(
            description="Models that are also trained with twice as many epochs, with all their seeds, to see whether "
            "that raises their dev CCC. The longer trainings are named <model>-doubled, and nothing else shows them."
        ),
    ] = ()


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Page:
    """What the page of the study shows of single utterances. The licence of a corpus may forbid to pass them on."""

    utterances: Annotated[
        bool | None,
        Field(description="Labels, predictions and transcripts of utterances; null: of the miniature's corpora only."),
    ] = None
    audio: Annotated[
        bool | None, Field(description="Audio of a few utterances; null: of the miniature's corpora only.")
    ] = None
    model: Annotated[
        str | None,
        Field(description="The model whose predictions are shown; null: the one with the claims' role best."),
    ] = None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Configuration:
    """The whole configuration of a study. Definitions are mappings, merged over the default; selections are lists."""

    study: Annotated[Name, Field(description="Name of the study; all its results are in results/<study>/.")]
    note: Annotated[str, Field(description="Text shown on every figure, such as 'miniature'; empty: none.")] = ""
    seed: Annotated[int, Field(description="Seed of the random draws in the conditions.")] = 42
    targets: Annotated[
        tuple[str, ...],
        Field(description="What `snakemake` makes if no other target is given: figures, tables, claims, convergence."),
    ]
    train_corpus: Annotated[
        str | None,
        Field(
            description="Corpus that every model is trained on (its train and dev splits); null: nothing is trained."
        ),
    ] = None
    corpora: Annotated[Mapping[Name, Corpus], Field(description="Corpora by name.")]
    paths: Annotated[Mapping[Name, CorpusPaths], Field(description="Where each corpus is on disk.")]
    noise: Annotated[Noise | None, Field(description="The noise corpus of the noise conditions.")] = None
    backbones: Annotated[Mapping[Name, Backbone], Field(description="Pre-trained models and architectures by name.")]
    recipes: Annotated[Mapping[Name, Recipe], Field(description="Training recipes by name.")]
    models: Annotated[Mapping[Name, Model], Field(description="Models by name.")]
    seeds_per_model: Annotated[
        Positive | None,
        Field(
            exclude_if=is_none,
            description="Seeds (42, 43, ...) of each trained model that names none; null: one, 42. A further seed "
            "retrains nothing that exists.",
        ),
    ] = None
    fusions: Annotated[Mapping[Name, FusionModel], Field(description="Fusions of audio and text by name.")] = Field(
        default_factory=dict
    )
    recogniser: Annotated[str | None, Field(description="Backbone that transcribes the speech for the fusions.")] = None
    text_encoder: Annotated[str | None, Field(description="Backbone that embeds the transcripts for the fusions.")] = (
        None
    )
    synthesiser: Synthesiser = Field(
        default_factory=Synthesiser, description="Engine that speaks the synthesised test set."
    )
    conditions: Annotated[Mapping[Name, Condition], Field(description="Augmentations of the test sets by name.")] = (
        Field(default_factory=dict)
    )
    augmented: Annotated[tuple[str, ...], Field(description="Conditions of the augmented test sets, in order.")] = ()
    augmented_utterances: Annotated[
        Mapping[str, Positive | None],
        Field(
            exclude_if=is_empty,
            description="Corpus -> number of utterances of its test set that the augmented conditions are applied to, "
            "a fixed draw; null, and a corpus that is not named: all of it. Changes are of the same utterances.",
        ),
    ] = Field(default_factory=dict)
    figures: Annotated[Mapping[str, Figure], Field(description="What each figure shows.")]
    tables: Annotated[Mapping[str, Figure], Field(description="What each table shows.")] = Field(default_factory=dict)
    claims: Annotated[Claims | None, Field(description="Which models have which role in the paper's answers.")] = None
    claims_seeds: Annotated[
        Literal["all", "first"], Field(description="Seeds whose predictions are used to check the claims.")
    ] = "all"
    convergence: Convergence = Field(
        default_factory=Convergence, description="How the stopping rule is checked (target convergence)."
    )
    evaluation: Evaluation = Field(default_factory=Evaluation, description="How scores are computed.")
    projection: Projection = Field(
        default_factory=Projection, description="What figure 10 draws, and how it is projected."
    )
    export: Export = Field(default_factory=Export, description="Which model `snakemake export` writes.")
    page: Page = Field(default_factory=Page, description="What the page of the study shows of single utterances.")
    preflight: Annotated[
        bool | Literal["details"],
        Field(
            description="Check the study before a run decodes audio or uses a GPU, and stop if it is wrong; details: "
            "print every check, and how disk, memory and hours are estimated."
        ),
    ] = False
    cached_splits: Annotated[
        tuple[Split, ...],
        Field(description="Splits whose stem output is computed once and shared; for others it is never stored."),
    ] = SPLITS
    cached_conditions: Annotated[
        tuple[Literal["augmented", "synthesised"], ...],
        Field(
            description="Sets of conditions whose stem output is computed once and shared, too, where test is one of "
            "cached_splits."
        ),
    ] = ()
    keep_features: Annotated[
        bool, Field(description="Keep the cached stem output; false: delete it after the last model has used it.")
    ] = False
    miniature: Annotated[Miniature | None, Field(description="The embedded miniature corpora.")] = None
    speech: Annotated[Mapping[Name, Speech], Field(description="Unlabelled miniature speech by name.")] = Field(
        default_factory=dict
    )
    pretraining: Annotated[
        Mapping[Name, Pretraining], Field(description="How each miniature backbone is pre-trained.")
    ] = Field(default_factory=dict)
    recogniser_training: Annotated[
        Mapping[Name, Recogniser], Field(description="How each miniature recogniser is fine-tuned.")
    ] = Field(default_factory=dict)
    text_pretraining: Annotated[
        Mapping[Name, TextEncoder], Field(description="How each miniature text encoder is pre-trained.")
    ] = Field(default_factory=dict)
