"""All scores of a study in one table: mean and spread over seeds, with standard errors and intervals."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from valence_gap.runtime.data_files import write_csv
from valence_gap.runtime.errors import UserError
from valence_gap.scores.seed_variance import ERRORS, SPEAKERS, means_with_errors

KEYS = ["model", "corpus", "condition", "dimension"]


def summarise_scores(scores: Sequence[Path], output: Path, *, kinds: Mapping[str, str], confidence: float) -> None:
    """Write the mean CCC over the seeds of each model, with its spread, as CSV.

    The CCC is that of all utterances. There is a row for each model, corpus, condition and dimension, in order of
    occurrence: number of seeds, mean, sd (sample standard deviation, empty for one seed), minimum, maximum, both
    standard errors, and the interval of the mean: see :func:`valence_gap.scores.seed_variance.means_with_errors`.

    Args:
        scores: score tables; each run is in one of them only.
        output: the CSV.
        kinds: the kind of each model; a variance between seeds is pooled over models of a kind.
        confidence: of the intervals.

    Raises:
        UserError: there are no tables, a file is not a score table or was made without standard errors, or several
            tables contain the same run.
    """
    if not scores:
        raise UserError("there are no scores to summarise", remedy="pass score tables with --scores")
    table = pd.concat([_whole_test_sets(path) for path in scores], ignore_index=True)
    twice = table[table.duplicated([*KEYS, "seed"])]
    if len(twice):
        lines = [", ".join(map(str, row)) for row in twice[[*KEYS, "seed"]].itertuples(index=False)]
        raise UserError("several tables contain the same run", lines, "pass each table once")
    write_csv(output, means_with_errors(table, kinds, confidence))


def _whole_test_sets(path: Path) -> pd.DataFrame:
    """The rows of a score table that are computed over all utterances."""
    table = pd.read_csv(path, dtype={"group": str})
    missing = {*KEYS, "seed", "group_by", "ccc", *ERRORS, SPEAKERS} - set(table.columns)
    if missing:
        raise UserError("this file is not a score table", [f"{path}: no column {name}" for name in sorted(missing)])
    return table[table["group_by"] == "all"]
