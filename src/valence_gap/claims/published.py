"""The published numbers as evidence for claims, without resamples."""

from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd

from valence_gap.claims.evidence import Cell, MissingEvidenceError
from valence_gap.definitions.evaluation import CLEAN, CLEAN_OF_AUGMENTED
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.scores.metrics import Floats

# Table III shows one model only.
TABLE_3_MODEL = "w2v2-L-robust"
Place = tuple[str, str, str]  # corpus, dimension, condition


class PublishedEvidence:
    """The published CCCs, and averages whose single CCCs are not published; without resamples."""

    resamples = 0
    speaker_draws = 1  # not used: no scores of speakers are published

    def __init__(self) -> None:
        self.table = published_scores()
        self._by_cell = self.table.set_index(["model", "corpus", "dimension", "condition"])["published"].to_dict()
        self._averages = _averages(self.table)

    def generator(self, *names: str) -> np.random.Generator:
        """A generator with a fixed seed; nothing is resampled."""
        return np.random.default_rng(0)

    def dimensions(self, corpus: str) -> tuple[str, ...]:
        """Dimensions with a published score."""
        known = set(self.table.loc[self.table["corpus"] == corpus, "dimension"])
        return tuple(name for name in DIMENSIONS if name in known)

    def ccc(self, model: str, corpus: str, dimension: str, condition: str, group: str = "all") -> Floats:
        """One row: the published CCC, always of whole test sets."""
        condition = CLEAN if condition == CLEAN_OF_AUGMENTED else condition
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

    def average(self, quantity: str, cells: Sequence[Cell]) -> Floats | None:
        """One row: the average that is published for exactly these cells; None if there is none."""
        models = {cell.model for cell in cells}
        places = frozenset((cell.corpus, cell.dimension, cell.condition) for cell in cells)
        value = self._averages.get((quantity, min(models), places)) if len(models) == 1 else None
        return None if value is None else np.array([value])

    def utterances(self, corpus: str, condition: str) -> int:
        """Not used: nothing is resampled."""
        raise MissingEvidenceError("published scores have no utterances")

    def embedded_utterances(self, model: str, attribute: str) -> int:
        """Not used: nothing is resampled."""
        raise MissingEvidenceError("no separation is published")

    def seeds(self, model: str, *, embedded: bool = False) -> tuple[int, ...]:
        """Nothing is published by seed."""
        return ()

    def only(self, model: str, seed: int) -> "PublishedEvidence":
        """Nothing is published by seed."""
        raise MissingEvidenceError("no score of a single seed is published")

    def over_speakers(self) -> "PublishedEvidence":
        """Itself: nothing is resampled."""
        return self

    def speaker_count(self, corpus: str, condition: str = CLEAN) -> int:
        """Not used: nothing is resampled."""
        return 0


def published_scores() -> pd.DataFrame:
    """Return the published CCCs: those of figure 2, and for augmented conditions figure 2 plus the change of table III.

    Returns:
        model, corpus, dimension, condition, published.
    """
    clean = reference("figure_2").rename(columns={"ccc": "published"}).assign(condition=CLEAN)
    changes = reference("table_3").assign(model=TABLE_3_MODEL)
    level = changes["snr_db"].map(lambda value: "" if np.isnan(value) else f"-{value:g}db")
    augmented = changes.assign(condition=changes["augmentation"] + level).merge(
        clean.drop(columns=["condition", "source"]), on=["model", "corpus", "dimension"]
    )
    augmented["published"] = augmented["published"] + augmented["delta_ccc"]
    columns = ["model", "corpus", "dimension", "condition", "published"]
    return pd.concat([clean[columns], augmented[columns]], ignore_index=True)


def reference(name: str) -> pd.DataFrame:
    """A file of published numbers, such as ``figure_6``: see ``src/valence_gap/reference``."""
    source = resources.files("valence_gap") / "reference" / f"{name}.csv"
    with resources.as_file(source) as path:
        return pd.read_csv(path)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table by the names of its columns."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict(orient="records")]


def _averages(scores: pd.DataFrame) -> dict[tuple[str, str, frozenset[Place]], float]:
    """The averages of figures 6 and 7 over all cells, and the drops of section IV-E, by quantity, model and cells."""
    cells = scores.loc[scores["model"] == TABLE_3_MODEL, ["corpus", "dimension", "condition"]]
    clean = frozenset(cells[cells["condition"] == CLEAN].itertuples(index=False, name=None))
    augmented = frozenset(cells[cells["condition"] != CLEAN].itertuples(index=False, name=None))
    found = {("change", row["model"], augmented): row["change"] for row in records(reference("figure_6"))}
    for row in records(reference("figure_7")):
        for quantity in ("gender_gap", "absolute_average_gender_gap"):
            found[quantity, row["model"], clean] = row["gender_gap"]
    for row in records(reference("section_4e")):
        place = frozenset([(row["corpus"], row["dimension"], CLEAN)])
        found["relative_drop", row["model"], place] = row["relative_drop"]
    return found
