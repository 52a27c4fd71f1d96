"""Definitions of the evaluation: conditions of the test sets (section III-D), and how scores are computed."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from valence_gap.definitions.values import STRICT, Positive, PositiveFloat

CLEAN = "clean"
# The utterances with a transcript that the engine can speak: not necessarily all utterances of a test set.
SYNTHESISED = "synthesised"
# In score tables: the clean recordings of the utterances that are augmented, where these are a subset of the test set.
CLEAN_OF_AUGMENTED = "clean of augmented"
# The condition in rows with the mean CCC over all augmentations; the name of a real condition has no spaces.
AUGMENTED_MEAN = "mean of augmented"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Condition:
    """An augmented variant of the test sets, which is written to disk (paper, section III-D)."""

    kind: Annotated[Literal["noise", "speed", "fade"], Field(description="Kind of augmentation.")]
    label: Annotated[str, Field(description="Name shown in figures and tables.")]
    noise_class: Annotated[
        Literal["natural", "human", "interior"] | None, Field(description="noise: major class of ESC-50.")
    ] = None
    snr_db: Annotated[float | None, Field(description="noise: signal-to-noise ratio in dB.")] = None
    factor: Annotated[PositiveFloat, Field(description="speed: how much faster the segment is.")] = 1.25
    share: Annotated[
        tuple[float, float], Field(description="speed: lowest and highest share of the utterance that is sped up.")
    ] = (0.1, 0.2)
    rate_per_s: Annotated[PositiveFloat, Field(description="fade: change of the gain per second.")] = 0.02


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Evaluation:
    """How scores are computed."""

    bootstrap: Annotated[
        Positive, Field(description="Resamples of the utterances, and of the speakers with all their utterances.")
    ] = 1000
    confidence: Annotated[float, Field(gt=0, lt=1, description="Confidence of the intervals.")] = 0.95
    seed: Annotated[int, Field(description="Seed of the resampling.")] = 0
    min_samples: Annotated[Positive, Field(description="Speakers with fewer labelled utterances are left out.")] = 200
    speaker_draws: Annotated[Positive, Field(description="Utterances drawn from each speaker for one resample.")] = 200


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Projection:
    """The utterances and the t-SNE settings of figure 10; the paper gives none (section IV-K)."""

    utterances: Annotated[
        Positive,
        Field(
            description="Utterances that are drawn from all corpora together, an even share of each; also for the "
            "measures of separation.",
            exclude_if=lambda value: value == 2000,
        ),
    ] = 2000
    perplexity: Annotated[
        PositiveFloat,
        Field(
            description="Perplexity of t-SNE; at most a quarter of the other utterances.",
            exclude_if=lambda value: value == 30.0,
        ),
    ] = 30.0
    initialisation: Annotated[
        Literal["pca", "random"],
        Field(description="Where t-SNE starts.", exclude_if=lambda value: value == "pca"),
    ] = "pca"

    def perplexity_of(self, utterances: int) -> float:
        """The perplexity that is used for this number of utterances."""
        return min(self.perplexity, (utterances - 1) / 4)
