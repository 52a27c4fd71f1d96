"""The schema of ``workflow/claims.yaml`` (what is claimed) and of a study's section ``claims`` (the roles of models).

A statement names roles, never models or corpora: the same file is checked on the miniature and on the paper's corpora.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass

from valence_gap.definitions.evaluation import CLEAN, SYNTHESISED
from valence_gap.definitions.values import STRICT, Dimension, Name, as_tuple

Role = Literal[
    "transformers",
    "best",
    "strong",
    "clean-speech",
    "multilingual",
    "most-data",
    "small",
    "other-large",
    "least-robust",
    "baseline",
    "random",
    "repeated",
    "repeated-baseline",
    "full-depth",
    "half-depth",
    "below-half-depth",
    "third-depth",
    "shallow",
    "full-data",
    "three-quarters-data",
    "quarter-data",
    "eighth-data",
    "least-data",
]
CorpusRole = Literal["in-domain", "cross-corpus", "sentiment"]
ConditionRole = Literal["augmented", "mild", "natural", "human", "interior"]
Reference = Literal["state-of-the-art", "text-distilled"]
Attribute = Literal["corpus", "gender", "speaker", "valence"]
Contrast = Literal["fine-tuned", "speech-recognition", "large", "hubert", "average-pooling"]
QuantityName = Literal[
    "ccc",
    "change",
    "gain_of_fusion",
    "gain_of_tuning",
    "lead",
    "relative_drop",
    "gender_gap",
    "absolute_gender_gap",
    "absolute_average_gender_gap",
    "speaker_deviation",
    "lowest_speaker",
    "speakers_near_median",
    "speaker_agreement",
    "spread_over_models",
    "correlation_over_models",
    "epochs_to_converge",
    "spread_over_seeds",
    "fluctuation_over_epochs",
    "separation",
    "recall_gain",
]
Axis = Literal["models", "others", "corpora", "dimensions", "conditions", "speakers", "rows"]
Comparison = Literal["greater", "less", "at least", "at most", "within"]
Section = Annotated[str, Field(pattern=r"^(II|IV-[A-K]|V-[A-C])$")]

# The clean recordings of the utterances that were synthesised: synthesised speech is compared with them.
ORIGINAL = "original"
IN_DOMAIN: CorpusRole = "in-domain"
# A role that no study assigns: the transformers and the baseline, which figure 2 shows.
ALL_MODELS: Literal["all"] = "all"
WITH_MARGIN = ("at least", "at most", "within")
# Quantities over the seeds of a model.
OF_SEEDS = ("epochs_to_converge", "spread_over_seeds", "fluctuation_over_epochs")
# Quantities of a model that do not depend on a test set.
OF_MODELS = (*OF_SEEDS, "separation")
CONDITIONS = (CLEAN, ORIGINAL, SYNTHESISED, *get_args(ConditionRole))
# Parameters that some quantities need and the others cannot use.
PARAMETERS = {
    "rival": ("lead",),
    "tolerance": ("speakers_near_median",),
    "attribute": ("separation",),
    "contrast": ("recall_gain",),
}


def _without_nulls(pairs: Any) -> Any:
    """Leave out the entries of a mapping that a further configuration file has set to null."""
    return {name: other for name, other in pairs.items() if other is not None} if isinstance(pairs, Mapping) else pairs


Pairs = Annotated[Mapping[str, str], BeforeValidator(_without_nulls, json_schema_input_type=Mapping[str, str | None])]
"""Model -> another model. In a further configuration file, null removes an entry: a mapping is merged, not replaced."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Claims:
    """Which models have which role in this study. Statements on a role that is left out or [] are inconclusive."""

    roles: Annotated[
        Mapping[Role, str | tuple[str, ...]],
        Field(
            description="Role -> model(s). transformers: the fine-tuned ones that figure 2 shows; best: the one that "
            "is pre-trained on mixed domains (w2v2-L-robust); strong: the one that is as good after pre-training on "
            "clean English speech (hubert-L); clean-speech: the architecture of the best one, pre-trained on clean "
            "speech (w2v2-L); multilingual, most-data: named by their pre-training; small: base architectures; "
            "other-large: large ones except best and strong; least-robust: hubert-b; baseline: CNN14; random: without "
            "pre-training; repeated, repeated-baseline: a transformer and the baseline with several seeds; *-depth, "
            "*-data: pruned and sparse variants of the best one (below-half-depth: the next after half of the layers, "
            "10 of 24; shallow: those with still fewer layers, from 8 of 24 down; full-data: the model that the sparse "
            "ones are compared with; least-data: 7.5 %)."
        ),
    ]
    frozen: Annotated[
        Pairs,
        Field(description="Fine-tuned model -> the same model with frozen transformer layers; null: none here."),
    ] = Field(default_factory=dict)
    fusion: Annotated[Pairs, Field(description="Fine-tuned model -> its fusion with text; null: none here.")] = Field(
        default_factory=dict
    )
    corpora: Annotated[
        Mapping[CorpusRole, str],
        Field(
            description="Role -> corpus: in-domain (trained on), cross-corpus (the same dimensions), sentiment (MOSI)."
        ),
    ]
    conditions: Annotated[
        Mapping[ConditionRole, tuple[str, ...]],
        Field(
            description="Role -> conditions: augmented: all of them; mild: noise at 20 dB, and fades; natural, human, "
            "interior: noise of that class at every level."
        ),
    ] = Field(default_factory=dict)
    references: Annotated[
        Mapping[Reference, Mapping[Dimension, float]] | None,
        Field(
            description="Published CCCs on the in-domain test set. state-of-the-art: without transformers; "
            "text-distilled: a transformer that learnt from a teacher with audio and text; null: none."
        ),
    ] = Field(default_factory=dict)

    def reference_errors(
        self, models: Iterable[str], corpora: Iterable[str], conditions: Iterable[str]
    ) -> "Iterator[tuple[str, str, str]]":
        """Names that the study does not define: (key, name, kind)."""
        kinds = {"model": set(models), "corpus": set(corpora), "condition": set(conditions)}
        used: list[tuple[str, str, Iterable[str]]] = [
            *((f"roles.{role}", "model", as_tuple(names)) for role, names in self.roles.items()),
            *((f"frozen.{name}", "model", (name, other)) for name, other in self.frozen.items()),
            *((f"fusion.{name}", "model", (name, other)) for name, other in self.fusion.items()),
            *((f"corpora.{role}", "corpus", (name,)) for role, name in self.corpora.items()),
            *((f"conditions.{role}", "condition", names) for role, names in self.conditions.items()),
        ]
        for key, kind, names in used:
            for name in names:
                if name not in kinds[kind]:
                    yield f"claims.{key}", name, kind


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Side:
    """One of the two sides that a statement compares. Keys that the second side leaves out are those of the first."""

    models: Annotated[
        Role | Literal["all"] | None,
        Field(description="Role of its models; all: the transformers and the baseline."),
    ] = None
    without: Annotated[tuple[Role, ...], Field(description="Roles whose models are excluded.")] = ()
    variant: Annotated[
        Literal["frozen", "fusion"] | None,
        Field(description="Use these counterparts instead of the models themselves."),
    ] = None
    corpora: Annotated[tuple[CorpusRole, ...], Field(description="Roles of its corpora.")] = ()
    dimensions: Annotated[tuple[Dimension, ...], Field(description="Its dimensions, if a corpus has them.")] = ()
    condition: Annotated[
        Literal["clean", "original", "synthesised"] | ConditionRole | None,
        Field(description="clean; original: clean, but only utterances that were synthesised; synthesised; or a role."),
    ] = None
    conditions: Annotated[tuple[ConditionRole, ...], Field(description="Several roles instead of one condition.")] = ()
    reference: Annotated[Reference | None, Field(description="Published values instead of models.")] = None

    def names_others(self) -> bool:
        """Whether a second side names models, dimensions or conditions itself, for a comparison case by case."""
        return bool(self.models or self.dimensions or self.conditions)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Statement:
    """One checked claim of the paper."""

    id: Annotated[Name, Field(description="Its name, unique in the file.")]
    headline: Annotated[bool, Field(description="Whether it is stated in the title, abstract or conclusion.")] = False
    section: Annotated[Section, Field(description="Section of the paper with the answer that it is part of.")]
    words: Annotated[str, Field(min_length=20, description="The claim in our own words.")]
    quantity: Annotated[QuantityName, Field(description="What is computed for each side.")]
    first: Annotated[Side, Field(description="The side that the claim is about; left out with recall_gain.")] = Side()
    second: Annotated[Side | None, Field(description="The side it is compared with: first minus second.")] = None
    quantifier: Annotated[
        Literal["mean", "each", "some", "most"],
        Field(description="Whether the claim must be true of the mean, of each, of some or of most of the cases."),
    ] = "mean"
    over: Annotated[
        tuple[Axis, ...],
        Field(
            description="The axes along which cases are distinguished; the average is taken over the others. others: "
            "the models, dimensions and conditions that the second side names itself; rows: pairs of rows of table I."
        ),
    ] = ()
    comparison: Annotated[Comparison, Field(description="How the result is compared with the threshold.")]
    threshold: Annotated[float, Field(description="The value that the result is compared with.")] = 0.0
    margin: Annotated[
        float | None, Field(gt=0, description="at least, at most, within: largest difference that counts as similar.")
    ] = None
    margins: Annotated[
        Mapping[CorpusRole, Annotated[float, Field(gt=0)]],
        Field(description="Margins instead of `margin` for corpora whose test set is too small to decide it."),
    ] = Field(default_factory=dict)
    reason: Annotated[str, Field(description="Reason for this margin, threshold or tolerance.")] = ""
    rival: Annotated[Role | None, Field(description="lead: the role of the model that is behind.")] = None
    tolerance: Annotated[
        float | None, Field(gt=0, description="speakers_near_median: largest distance that counts as near.")
    ] = None
    attribute: Annotated[Attribute | None, Field(description="separation: the attribute that is separated.")] = None
    contrast: Annotated[
        Contrast | None, Field(description="recall_gain: what distinguishes the compared rows of table I.")
    ] = None

    def errors(self) -> Iterator[str]:
        """Keys that contradict one another."""
        if (self.comparison in WITH_MARGIN) != (self.margin is not None):
            yield f"margin: required with {', '.join(WITH_MARGIN)}; not allowed otherwise"
        if self.margins and (self.margin is None or "corpora" not in self.over):
            yield "margins: require a margin and corpora in over"
        chosen = self.margin is not None or self.threshold or self.tolerance
        if chosen and not self.reason:
            yield "reason: missing; give the reason for the margin, threshold or tolerance"
        if (self.quantifier == "mean") != (not self.over):
            yield "over: required with each, some and most, and not allowed with mean"
        if ("speakers" in self.over) != (self.quantity == "speaker_deviation"):
            yield "over: speakers is required with speaker_deviation, and not allowed otherwise"
        if "others" in self.over and not (self.second and self.second.names_others()):
            yield "over: others means the second side's own models, dimensions or conditions, but it names none"
        if any(side and side.condition and side.conditions for side in (self.first, self.second)):
            yield "conditions: cannot be combined with condition; leave one of them out"
        if "rows" in self.over and self.quantity != "recall_gain":
            yield "over: rows is only allowed with recall_gain"
        if self.quantity == "recall_gain":
            if self.first != Side() or self.second or set(self.over) - {"rows"}:
                yield "recall_gain: must have no sides, and no over except rows"
        elif self.first.models is None or self.first.reference:
            yield "first: must have models and no reference"
        if self.second and self.second.reference and self.second.models:
            yield "second: must have models or a reference, not both"
        if self.quantity == "correlation_over_models" and (
            self.over or not self.second or self.second.models or self.second.reference
        ):
            yield "correlation_over_models: needs a second side of the same models, and no over"
        for parameter, quantities in PARAMETERS.items():
            if (getattr(self, parameter) is not None) != (self.quantity in quantities):
                yield f"{parameter}: required with {', '.join(quantities)}, and not allowed otherwise"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class NotChecked:
    """A result of the paper that has no statement."""

    section: Annotated[str, Field(min_length=1, description="Where the paper states it.")]
    result: Annotated[str, Field(min_length=20, description="What it is, in our own words.")]
    reason: Annotated[str, Field(min_length=20, description="Why there is no statement.")]
