"""What claims are judged by: scores as rows, of which the first is the estimate and the others are resamples.

Every quantity is arithmetic on such rows, so an interval of anything computed from scores keeps their pairing.
"""

from collections.abc import Mapping
from importlib import resources
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from valence_gap.definitions.claims import ORIGINAL
from valence_gap.definitions.models import CLEAN, DIMENSIONS, SYNTHESISED
from valence_gap.scores.metrics import Floats

# Table III is of one model.
TABLE_3_MODEL = "w2v2-L-robust"


class MissingError(Exception):
    """Why something cannot be computed from what is at hand."""


class Evidence(Protocol):
    """Where quantities get their numbers from. Each method raises :class:`MissingError` for what it does not have."""

    @property
    def resamples(self) -> int:
        """Number of resamples; rows have one more."""

    @property
    def speaker_draws(self) -> int:
        """Utterances that are drawn of a speaker at once (section IV-J)."""

    def generator(self, *names: str) -> np.random.Generator:
        """Random numbers that depend on the names alone."""

    def dimensions(self, corpus: str) -> tuple[str, ...]:
        """Dimensions that a corpus has labels for."""

    def ccc(self, model: str, corpus: str, dimension: str, condition: str, group: str = "all") -> Floats:
        """CCC, the mean over the model's seeds: (1 + resamples,)."""

    def speakers(self, model: str, corpus: str, dimension: str) -> Mapping[str, Floats]:
        """CCC by speaker (those with enough utterances), the mean over the model's seeds: (1 + resamples,) each."""

    def dev_curves(self, model: str) -> list[Floats]:
        """Mean dev CCC by epoch, (epochs,) for each seed."""

    def separation(self, model: str, attribute: str) -> Floats:
        """How well an attribute is told from a model's embeddings: (1 + resamples,)."""


class Recorder:
    """Evidence that notes what it is asked for: what quantities need is learnt by computing them on made-up scores.

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
        """Any."""
        return np.random.default_rng(0)

    def dimensions(self, corpus: str) -> tuple[str, ...]:
        """All, since which a corpus has is not known before its labels are."""
        return DIMENSIONS

    def ccc(self, model: str, corpus: str, dimension: str, condition: str, group: str = "all") -> Floats:
        """Notes the predictions."""
        for conditions in (CLEAN, SYNTHESISED) if condition == ORIGINAL else (set_of(condition),):
            self.predictions[model, conditions, corpus] = None
        return np.ones(2)

    def speakers(self, model: str, corpus: str, dimension: str) -> Mapping[str, Floats]:
        """Notes the predictions."""
        return {"": self.ccc(model, corpus, dimension, CLEAN)}

    def dev_curves(self, model: str) -> list[Floats]:
        """Notes the training logs."""
        self.training_logs[model] = None
        return [np.ones(2), np.ones(2)]

    def separation(self, model: str, attribute: str) -> Floats:
        """Notes the model."""
        self.separation_models[model] = None
        return np.ones(2)


def set_of(condition: str) -> str:
    """The set of conditions that a condition is predicted with."""
    return condition if condition in (CLEAN, SYNTHESISED) else "augmented"


class Published:
    """The published scores, without resamples."""

    resamples = 0
    speaker_draws = 1  # of which nothing is published

    def __init__(self) -> None:
        self.table = published_scores()
        self._by_cell = self.table.set_index(["model", "corpus", "dimension", "condition"])["published"].to_dict()

    def generator(self, *names: str) -> np.random.Generator:
        """Any, since nothing is resampled."""
        return np.random.default_rng(0)

    def dimensions(self, corpus: str) -> tuple[str, ...]:
        """Dimensions of which a score is published."""
        known = set(self.table.loc[self.table["corpus"] == corpus, "dimension"])
        return tuple(name for name in DIMENSIONS if name in known)

    def ccc(self, model: str, corpus: str, dimension: str, condition: str, group: str = "all") -> Floats:
        """One row: the published CCC."""
        value = self._by_cell.get((model, corpus, dimension, condition)) if group == "all" else None
        if value is None:
            raise MissingError(f"nothing is published of {model} on {corpus} ({condition}, {dimension})")
        return np.array([value])

    def speakers(self, model: str, corpus: str, dimension: str) -> Mapping[str, Floats]:
        """Nothing is published as numbers."""
        raise MissingError("no CCC of a speaker is published")

    def dev_curves(self, model: str) -> list[Floats]:
        """Nothing is published as numbers."""
        raise MissingError("no training log is published")

    def separation(self, model: str, attribute: str) -> Floats:
        """Nothing is published as numbers."""
        raise MissingError("no separation is published")


def published_scores() -> pd.DataFrame:
    """The published CCCs: those of figure 2, and under augmentation the clean one plus the change of table III.

    Returns:
        model, corpus, dimension, condition, published.
    """
    clean = _reference("figure_2.csv").rename(columns={"ccc": "published"}).assign(condition=CLEAN)
    changes = _reference("table_3.csv").assign(model=TABLE_3_MODEL)
    level = changes["snr_db"].map(lambda value: "" if np.isnan(value) else f"-{value:g}db")
    augmented = changes.assign(condition=changes["augmentation"] + level).merge(
        clean.drop(columns=["condition", "source"]), on=["model", "corpus", "dimension"]
    )
    augmented["published"] = augmented["published"] + augmented["delta_ccc"]
    columns = ["model", "corpus", "dimension", "condition", "published"]
    return pd.concat([clean[columns], augmented[columns]], ignore_index=True)


def _reference(name: str) -> pd.DataFrame:
    source = resources.files("valence_gap") / "reference" / name
    with resources.as_file(source) as path:
        return pd.read_csv(path)


def constant(value: float, resamples: int) -> npt.NDArray[np.float64]:
    """A published value as rows: it has no interval of its own."""
    return np.full(1 + resamples, value)
