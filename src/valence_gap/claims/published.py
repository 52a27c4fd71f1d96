"""The published scores as evidence for claims, without resamples."""

from collections.abc import Mapping
from importlib import resources

import numpy as np
import pandas as pd

from valence_gap.claims.evidence import MissingEvidenceError
from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.scores.metrics import Floats

# Table III shows one model only.
TABLE_3_MODEL = "w2v2-L-robust"


class PublishedEvidence:
    """The published scores, without resamples."""

    resamples = 0
    speaker_draws = 1  # not used: no scores of speakers are published

    def __init__(self) -> None:
        self.table = published_scores()
        self._by_cell = self.table.set_index(["model", "corpus", "dimension", "condition"])["published"].to_dict()

    def generator(self, *names: str) -> np.random.Generator:
        """A generator with a fixed seed; nothing is resampled."""
        return np.random.default_rng(0)

    def dimensions(self, corpus: str) -> tuple[str, ...]:
        """Dimensions with a published score."""
        known = set(self.table.loc[self.table["corpus"] == corpus, "dimension"])
        return tuple(name for name in DIMENSIONS if name in known)

    def ccc(self, model: str, corpus: str, dimension: str, condition: str, group: str = "all") -> Floats:
        """One row: the published CCC."""
        value = self._by_cell.get((model, corpus, dimension, condition)) if group == "all" else None
        if value is None:
            raise MissingEvidenceError(f"nothing is published of {model} on {corpus} ({condition}, {dimension})")
        return np.array([value])

    def speakers(self, model: str, corpus: str, dimension: str) -> Mapping[str, Floats]:
        """Nothing is published as numbers."""
        raise MissingEvidenceError("no CCC of a speaker is published")

    def dev_curves(self, model: str) -> list[Floats]:
        """Nothing is published as numbers."""
        raise MissingEvidenceError("no training log is published")

    def separation(self, model: str, attribute: str) -> Floats:
        """Nothing is published as numbers."""
        raise MissingEvidenceError("no separation is published")


def published_scores() -> pd.DataFrame:
    """Return the published CCCs: those of figure 2, and for augmented conditions figure 2 plus the change of table III.

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
