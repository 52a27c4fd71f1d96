"""The evidence for claims: rows of scores, of which the first is the estimate and the others are resamples.

Every quantity is computed from such rows resample by resample, so each interval keeps the pairing of the scores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from valence_gap.definitions.claims import ORIGINAL
from valence_gap.definitions.evaluation import CLEAN, CLEAN_OF_AUGMENTED, SYNTHESISED
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.scores.metrics import Floats

AUGMENTED = "augmented"
"""The set of the conditions that are augmentations."""


class MissingEvidenceError(Exception):
    """States why something cannot be computed from the available evidence."""


@dataclass(frozen=True)
class Cell:
    """The model, corpus, ... that one number belongs to; empty fields were averaged over, or do not apply."""

    model: str = ""
    corpus: str = ""
    dimension: str = ""
    condition: str = ""
    speaker: str = ""

    def __str__(self) -> str:
        names = (self.model, self.corpus, self.dimension, self.condition, self.speaker and f"speaker {self.speaker}")
        return ", ".join(name for name in names if name)


class Evidence(Protocol):
    """The source of all numbers for quantities. Methods raise :class:`MissingEvidenceError` if numbers are missing."""

    @property
    def resamples(self) -> int:
        """Number of resamples; rows have one more."""

    @property
    def speaker_draws(self) -> int:
        """Number of utterances in one draw of a speaker (section IV-J)."""

    def generator(self, *names: str) -> np.random.Generator:
        """Random numbers that depend on the names alone."""

    def dimensions(self, corpus: str) -> tuple[str, ...]:
        """Dimensions that a corpus has labels for."""

    def ccc(self, model: str, corpus: str, dimension: str, condition: str, group: str = "all") -> Floats:
        """CCC, the mean over the model's seeds: (1 + resamples,).

        The condition may also be ``original`` or ``clean of augmented``: the clean recordings of the utterances that
        were synthesised, or that are augmented; see :func:`recordings_of`.
        """

    def speakers(self, model: str, corpus: str, dimension: str) -> Mapping[str, Floats]:
        """CCC by speaker (those with enough utterances), the mean over the model's seeds: (1 + resamples,) each."""

    def dev_curves(self, model: str) -> list[Floats]:
        """Mean dev CCC by epoch, (epochs,) for each seed."""

    def separation(self, model: str, attribute: str) -> Floats:
        """How far a model's embeddings separate an attribute: (1 + resamples,)."""

    def average(self, quantity: str, cells: Sequence[Cell]) -> Floats | None:
        """A quantity that is known only as its average over exactly these cells; None: compute it from the cells."""

    def utterances(self, corpus: str, condition: str) -> int:
        """Number of labelled utterances that are scored under a condition."""

    def embedded_utterances(self, model: str, attribute: str) -> int:
        """Number of utterances whose embeddings the separation of an attribute is measured on."""

    def seeds(self, model: str, *, embedded: bool = False) -> tuple[int, ...]:
        """Training seeds of a model whose predictions (or separation, if ``embedded``) are known."""

    def only(self, model: str, seed: int) -> "Evidence":
        """The same evidence, in which one model has the scores of one of its seeds."""

    def over_speakers(self) -> "Evidence":
        """The same estimates, with resamples over speakers; over utterances for a corpus without speakers."""

    def speaker_count(self, corpus: str, condition: str = CLEAN) -> int:
        """Number of known speakers of a corpus' test set, or of its augmented utterances."""


class EvidenceRecorder:
    """Evidence that records which scores the quantities read; it returns constant values in place of scores.

    Attributes:
        predictions: (model, set of conditions, corpus) that were read.
        training_logs: models whose training logs were read.
        separation_models: models whose separation was read.
    """

    resamples = 1
    speaker_draws = 1

    def __init__(self) -> None:
        self.predictions: dict[tuple[str, str, str], None] = {}
        self.training_logs: dict[str, None] = {}
        self.separation_models: dict[str, None] = {}

    def generator(self, *names: str) -> np.random.Generator:
        """A generator with a fixed seed; its numbers do not matter."""
        return np.random.default_rng(0)

    def dimensions(self, corpus: str) -> tuple[str, ...]:
        """All dimensions, because the labels of the corpus may not exist yet."""
        return DIMENSIONS

    def ccc(self, model: str, corpus: str, dimension: str, condition: str, group: str = "all") -> Floats:
        """Record the predictions."""
        for conditions in (CLEAN, SYNTHESISED) if condition == ORIGINAL else (condition_set_of(condition),):
            self.predictions[model, conditions, corpus] = None
        return np.ones(2)

    def speakers(self, model: str, corpus: str, dimension: str) -> Mapping[str, Floats]:
        """Record the predictions."""
        return {"": self.ccc(model, corpus, dimension, CLEAN)}

    def dev_curves(self, model: str) -> list[Floats]:
        """Record the training logs."""
        self.training_logs[model] = None
        return [np.ones(2), np.ones(2)]

    def separation(self, model: str, attribute: str) -> Floats:
        """Record the model."""
        self.separation_models[model] = None
        return np.ones(2)

    def average(self, quantity: str, cells: Sequence[Cell]) -> Floats | None:
        """None: every cell is read."""
        return None

    def utterances(self, corpus: str, condition: str) -> int:
        """One; verdicts are not recorded."""
        return 1

    def embedded_utterances(self, model: str, attribute: str) -> int:
        """One; verdicts are not recorded."""
        return 1

    def seeds(self, model: str, *, embedded: bool = False) -> tuple[int, ...]:
        """None; no errors are recorded."""
        return ()

    def only(self, model: str, seed: int) -> "EvidenceRecorder":
        """Itself."""
        return self

    def over_speakers(self) -> "EvidenceRecorder":
        """Itself."""
        return self

    def speaker_count(self, corpus: str, condition: str = CLEAN) -> int:
        """None; no errors are recorded."""
        return 0


def condition_set_of(condition: str) -> str:
    """Return the set of conditions that a condition belongs to; a set is predicted in one run."""
    if condition == CLEAN_OF_AUGMENTED:
        return CLEAN
    return condition if condition in (CLEAN, SYNTHESISED) else AUGMENTED


def recordings_of(condition: str) -> str:
    """Return the condition of the clean recordings of the same utterances, which a condition is compared with."""
    if condition in (ORIGINAL, SYNTHESISED):
        return ORIGINAL
    return CLEAN_OF_AUGMENTED if condition_set_of(condition) == AUGMENTED else CLEAN
