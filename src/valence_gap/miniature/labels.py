"""The intended emotion of a miniature utterance, its delivery, and the ratings that raters of each corpus would give.

Only the words carry valence, and only the delivery carries arousal and dominance, so that a model's predictions show
which of the two it uses. The paper's transformers read a waveform of unit variance (section III-B), so loudness is the
weakest cue.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from valence_gap.definitions.values import Dimension
from valence_gap.miniature.espeak import Delivery

CORRELATION = 0.6
"""Correlation of dominance with arousal."""

VALENCE_DISAGREEMENT = 1.5
"""Spread of the raters' valence relative to the other dimensions: raters agree less about valence and about words."""


@dataclass(frozen=True)
class Annotation:
    """How a corpus is annotated, and which emotions its utterances express.

    Attributes:
        scale: lowest and highest answer; a rater answers in whole steps.
        raters: fewest and most raters of an utterance.
        arousal: mean and standard deviation of the intended arousal in 0..1.
        dominance: the same of dominance.
        valence_gain: factor by which the raters stretch the words' valence around .5.
        valence_offset: offset that the raters add to it.
    """

    scale: tuple[int, int]
    raters: tuple[int, int]
    arousal: tuple[float, float]
    dominance: tuple[float, float]
    valence_gain: float
    valence_offset: float


ANNOTATIONS: Mapping[str, Annotation] = {
    "msp-podcast": Annotation(
        scale=(1, 7),
        raters=(5, 8),
        arousal=(0.51, 0.19),
        dominance=(0.54, 0.18),
        valence_gain=0.95,
        valence_offset=0.0,
    ),
    "iemocap": Annotation(
        scale=(1, 5),
        raters=(2, 3),
        arousal=(0.55, 0.22),
        dominance=(0.57, 0.21),
        valence_gain=0.9,
        valence_offset=-0.05,
    ),
    "cmu-mosi": Annotation(
        scale=(-3, 3),
        raters=(5, 5),
        arousal=(0.48, 0.20),
        dominance=(0.50, 0.20),
        valence_gain=1.1,
        valence_offset=0.02,
    ),
}


@dataclass(frozen=True)
class Intent:
    """The emotion that an utterance is meant to express, each dimension in 0..1."""

    arousal: float
    dominance: float
    valence: float

    def __getitem__(self, dimension: Dimension) -> float:
        value: float = getattr(self, dimension)
        return value


def draws(seed: int, *names: str | int) -> np.random.Generator:
    """Return the random generator of one item; it depends only on the seed and the item's name."""
    text = "/".join(str(part) for part in (seed, *names))
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big"))


def intent(annotation: Annotation, valence: float, rng: np.random.Generator) -> Intent:
    """Draw correlated arousal and dominance for a sentence of a given valence.

    Args:
        annotation: the corpus.
        valence: valence of the words in 0..1.
        rng: the utterance's random generator.
    """
    first, second = rng.standard_normal(2)
    second = CORRELATION * first + np.sqrt(1 - CORRELATION**2) * second
    arousal = annotation.arousal[0] + annotation.arousal[1] * first
    dominance = annotation.dominance[0] + annotation.dominance[1] * second
    perceived = 0.5 + annotation.valence_gain * (valence - 0.5) + annotation.valence_offset
    return Intent(*(float(np.clip(value, 0.0, 1.0)) for value in (arousal, dominance, perceived)))


def delivery(affect: Intent) -> Delivery:
    """Return the delivery of an intent by a speaker of nominal pitch and rate; `speak` adapts it to each voice.

    Arousal makes speech faster and higher, with a wider range of pitch; dominance makes it lower; both make it louder.
    """
    arousal, dominance = affect.arousal, affect.dominance
    return Delivery(
        rate_wpm=round(125 + 125 * arousal),
        pitch=round(66 - 56 * dominance + 24 * arousal),
        pitch_range=round(10 + 85 * arousal),
        volume=round(40 + 70 * arousal + 40 * dominance),
    )


def ratings(
    annotation: Annotation,
    dimension: Dimension,
    truth: float,
    *,
    raters: int,
    rater_noise: float,
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Draw the answers of an utterance's raters.

    Args:
        annotation: the corpus.
        dimension: the dimension that is rated.
        truth: the intended value, in 0..1.
        raters: number of raters.
        rater_noise: standard deviation of the mean of all raters in 0..1, before they answer in whole steps.
        rng: random generator.

    Returns:
        Whole steps of the corpus' scale, shape (raters,).
    """
    low, high = annotation.scale
    spread = rater_noise * np.sqrt(raters) * (VALENCE_DISAGREEMENT if dimension == "valence" else 1.0)
    perceived = truth + spread * rng.standard_normal(raters)
    return np.asarray(np.clip(np.rint(low + (high - low) * perceived), low, high), dtype=np.int64)


def emotion(affect: Intent) -> str:
    """Return the category of an intent: neutral, happy, angry or sad."""
    if abs(affect.valence - 0.5) < 0.15:
        return "neutral"
    if affect.valence > 0.5:
        return "happy"
    return "angry" if affect.arousal > 0.45 else "sad"
