"""What distinguishes the rows of table I: differences of recall between earlier works (section II)."""

import csv
from collections.abc import Mapping
from functools import cache
from importlib import resources
from itertools import product

from valence_gap.claims.evidence import MissingEvidenceError
from valence_gap.definitions.claims import Contrast

# The work that pools by an average and adds a linear classifier, by its number among the paper's references.
AVERAGE_POOLING = "20"
Row = Mapping[str, str]
# What rows must have in common, and what distinguishes the first from the second of a pair. `family` is w2v2 or hubert.
CONTRASTS: Mapping[Contrast, tuple[str, str, str]] = {
    "fine-tuned": ("ft_d", "yes", "no"),
    "speech-recognition": ("ft_sr", "yes", "no"),
    "large": ("large", "yes", "no"),
    "hubert": ("family", "hubert", "w2v2"),
}
ATTRIBUTES = ("reference", "family", "large", "ft_sr", "ft_d")


def recall_gains(contrast: Contrast) -> dict[tuple[str, str], float]:
    """Differences of recall between rows of table I that differ in one attribute only, in 0..1.

    Rows are compared if they are of the same work and have the same kind of recall (unweighted or weighted), because
    works differ in their folds. ``average-pooling`` compares works: the highest recall of the one with the simplest
    head minus the highest recall of all others with fine-tuned transformer layers, whichever kind of recall they give.

    Args:
        contrast: the attribute that differs.

    Returns:
        By the names of the two rows: the recall of the first minus that of the second.

    Raises:
        MissingEvidenceError: if no two rows differ in this attribute only.
    """
    rows = table_1()
    if contrast == "average-pooling":
        tuned = [row for row in rows if row["ft_d"] == "yes"]
        best = [
            max((row for row in tuned if (row["reference"] == AVERAGE_POOLING) == own), key=_highest)
            for own in (True, False)
        ]
        return {(f"row {best[0]['row']}", f"row {best[1]['row']}"): (_highest(best[0]) - _highest(best[1])) / 100}
    attribute, first, second = CONTRASTS[contrast]
    same = [name for name in ATTRIBUTES if name != attribute]
    found = {
        (f"row {one['row']}", f"row {two['row']}"): (float(one[recall]) - float(two[recall])) / 100
        for one, two in product(rows, rows)
        for recall in ("uar", "war")
        if (one[attribute], two[attribute]) == (first, second)
        and one[recall]
        and two[recall]
        and all(one[name] == two[name] for name in same)
    }
    if not found:
        raise MissingEvidenceError(f"no two rows of table I differ in {attribute} only")
    return found


@cache
def table_1() -> tuple[Row, ...]:
    """The rows of table I as texts, with the column ``family``.

    pandas is not used, because Snakemake reads this file whenever it parses the workflow.
    """
    text = (resources.files("valence_gap") / "reference" / "table_1.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple(row | {"family": row["model"].partition("-")[0]} for row in rows)


def _highest(row: Row) -> float:
    return max(float(row[name]) for name in ("uar", "war") if row[name])
