"""Definitions of the evaluation: conditions of the test sets (section III-D), and how scores are computed."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from valence_gap.definitions.values import STRICT, Positive, PositiveFloat

CLEAN = "clean"
# Of the utterances that have a transcript of which the engine makes a sound: some, never a promised all.
SYNTHESISED = "synthesised"
# What rows of the mean CCC over all augmentations have in place of a condition; no condition's name has spaces.
AUGMENTED_MEAN = "mean of augmented"


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
