"""The numbers of the figures, read from score tables and training logs."""

import pandas as pd

from valence_gap.definitions.figures import Description, Inputs
from valence_gap.figures.intervals import KEYS
from valence_gap.runtime.errors import UserError
from valence_gap.scores.seed_variance import ERRORS, SPEAKERS
from valence_gap.scores.training_logs import read_epochs


def read_scores(inputs: Inputs, description: Description, *, group_by: str) -> pd.DataFrame:
    """Return the rows of all score tables that the description selects, in its order.

    Args:
        inputs: with ``scores``.
        description: selects models, corpora and dimensions.
        group_by: which groups: all, gender, fairness or speaker.

    Returns:
        Columns as in the score tables.

    Raises:
        UserError: if there are no score tables, they lack columns, or a model was not scored on a corpus that is shown.
    """
    if not inputs.scores:
        raise UserError("this figure needs score tables", remedy="pass them with --scores")
    tables = {path: pd.read_csv(path, dtype={"group": str}) for path in inputs.scores}
    needed = [*ERRORS, SPEAKERS]
    if lacking := [f"{path}: no column {name}" for path, one in tables.items() for name in needed if name not in one]:
        raise UserError("score tables lack standard errors", lacking, "score these predictions again")
    table = pd.concat(tables.values(), ignore_index=True)
    requested = pd.DataFrame(
        [
            (corpus.name, dimension, model.name)
            for corpus in description.corpora
            for dimension in corpus.dimensions
            for model in description.models
        ],
        columns=list(KEYS),
    )
    _refuse_missing(requested, table)
    return requested.merge(table[table["group_by"] == group_by], on=list(KEYS))


def _refuse_missing(requested: pd.DataFrame, table: pd.DataFrame) -> None:
    scored = requested.merge(table[list(KEYS)].drop_duplicates(), how="left", indicator="found")
    missing = scored[scored["found"] == "left_only"]
    if len(missing):
        offenders = missing["model"] + " on " + missing["corpus"] + ": " + missing["dimension"]
        raise UserError(
            "scores are missing for the figure", offenders, "score these models, or remove them from the figure"
        )


def select_condition(table: pd.DataFrame, condition: str) -> pd.DataFrame:
    """The rows of one condition.

    Raises:
        UserError: if there are none.
    """
    rows = table[table["condition"] == condition]
    if rows.empty:
        raise UserError(
            f"no score table has the condition {condition}", remedy="pass the score tables of that condition too"
        )
    return rows


def read_training_logs(inputs: Inputs, description: Description) -> pd.DataFrame:
    """Read the dev CCCs by epoch of all runs of the models shown; evaluations within epochs are left out.

    Returns:
        model, seed, epoch, dimension, ccc.

    Raises:
        UserError: if a model has no log, or a run finished no epoch.
    """
    logs = [read_epochs(path).assign(model=run.model, seed=run.seed) for run, path in inputs.training_logs]
    missing = {model.name for model in description.models} - {run.model for run, _ in inputs.training_logs}
    if missing:
        raise UserError("training logs are missing", sorted(missing), "pass them with --training-logs")
    runs = zip(inputs.training_logs, logs, strict=True)
    if stopped := [f"{run.model}, seed {run.seed}: {path}" for (run, path), log in runs if log.empty]:
        raise UserError("training logs have no whole epoch", stopped, "Raise `patience` in the recipe.")
    table = pd.concat(logs, ignore_index=True).melt(
        id_vars=["model", "seed", "epoch"],
        value_vars=[f"dev_{dimension}" for dimension in description.dimensions()],
        var_name="dimension",
        value_name="ccc",
    )
    table["dimension"] = table["dimension"].str.removeprefix("dev_")
    return table
