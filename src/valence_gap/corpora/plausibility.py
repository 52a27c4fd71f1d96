"""Warnings about a corpus that can be read, but from which little can be learnt or shown."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from valence_gap.corpora.labels import Scale
from valence_gap.corpora.report import Report
from valence_gap.definitions.corpora import Corpus
from valence_gap.definitions.values import SPLITS

LITTLE_OF_THE_SCALE = 0.75  # labels that use less of their scale may be on another scale
ENOUGH_LABELS = 20  # fewer need not use the scale
FEW = {"train": 100, "dev": 20, "test": 20}
"""Fewer rows than these are too few: to learn from, to choose an epoch with, to compute a CCC of."""


def warn(corpus: Corpus, entries: pd.DataFrame, scales: Mapping[str, Scale], report: Report) -> None:
    """Add warnings to the report: labels that use a part of their scale only, few rows, one speaker.

    Args:
        corpus: its definition.
        entries: the rows that are used, with labels on their own scale.
        scales: scale of each annotated dimension.
        report: receives the warnings.
    """
    report.warnings += [*_labels(entries, scales), *_rows(corpus, entries), *_names(entries)]


def _labels(entries: pd.DataFrame, scales: Mapping[str, Scale]) -> Iterator[str]:
    for dimension, (low, high) in scales.items():
        values = entries[dimension].to_numpy(dtype=np.float64)
        if len(values) == 0:
            continue
        lowest, highest = float(values.min()), float(values.max())
        if lowest == highest:
            if len(values) > 1:
                yield f"{dimension}: all {len(values):,} labels are {lowest:g}: there is nothing to learn, and no CCC"
        elif len(values) >= ENOUGH_LABELS and highest - lowest < LITTLE_OF_THE_SCALE * (high - low):
            yield (
                f"{dimension}: labels use {lowest:g} to {highest:g} of the scale {low:g} to {high:g}: check the scale; "
                "with a wrong one, CCCs across corpora are wrong"
            )


def _rows(corpus: Corpus, entries: pd.DataFrame) -> Iterator[str]:
    for split in SPLITS:
        if split not in corpus.splits:
            continue
        part = entries[entries["our_split"] == split]
        if 0 < len(part) < FEW[split]:
            yield f"{split}: only {len(part):,} rows; at least {FEW[split]} are needed for numbers that mean something"
        speakers = part["speaker"].dropna().unique()
        if len(speakers) == 1 and part["speaker"].notna().all() and len(part) > 1:
            yield f"{split}: all {len(part):,} rows are of one speaker, {speakers[0]}"


def _names(entries: pd.DataFrame) -> Iterator[str]:
    """Speakers that may be one person: their names differ in case, spaces or a final ``.0`` only."""
    names = pd.Series(entries["speaker"].dropna().unique(), dtype="str")
    if names.empty:
        return
    plain = names.str.casefold().str.replace(r"[\s_-]+", "", regex=True).str.replace(r"^(\d+)\.0+$", r"\1", regex=True)
    for _, same in names.groupby(plain):
        if len(same) > 1:
            yield f"speakers {' and '.join(sorted(same))} may be one person: their names differ in spelling only"
