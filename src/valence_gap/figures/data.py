"""The numbers of the figures, read from score tables, predictions and training logs."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from valence_gap.audio.skipped import drop_skipped, skipped_ids
from valence_gap.definitions.evaluation import SYNTHESISED
from valence_gap.definitions.figures import Description, Inputs, Run
from valence_gap.figures.intervals import KEYS
from valence_gap.runtime.errors import UserError
from valence_gap.scores.metrics import Floats
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


@dataclass(frozen=True)
class RunPredictions:
    """Labels of a corpus' test set, and the predictions of one run for it under one condition.

    Attributes:
        run: the training and the corpus.
        table: indexed by id: truth and prediction of one dimension.
    """

    run: Run
    table: pd.DataFrame

    def select(self, ids: "pd.Index[str]") -> tuple[Floats, Floats]:
        """Truth (samples,) and predictions (samples, 1) of some utterances, in their order."""
        rows = self.table.loc[ids].to_numpy(dtype=np.float64)
        return rows[:, 0], rows[:, 1:]


def read_predictions(
    inputs: Inputs, corpus: str, condition: str, dimension: str
) -> dict[str, dict[int, RunPredictions]]:
    """Read the predictions of a condition with their labels, by model and seed.

    Utterances without a label are left out, and so are utterances that were skipped for bad audio.

    Args:
        inputs: with ``predictions`` and ``labels``, and ``pack_indexes`` where bad audio is skipped.
        corpus: name of the corpus.
        condition: name of the condition; runs without it are left out.
        dimension: arousal, dominance or valence.

    Raises:
        UserError: if the labels of the corpus are not among the inputs, or a run lacks predictions.
    """
    if corpus not in inputs.labels:
        raise UserError(f"the labels of {corpus} are missing", remedy=f"pass them with --labels {corpus}=FILE")
    truth = pd.read_parquet(inputs.labels[corpus], columns=["id", dimension])
    truth = drop_skipped(skipped_ids(truth["id"], inputs.pack_indexes.get(corpus), corpus), truth)
    labels = truth.set_index("id")[dimension].dropna()
    found: dict[str, dict[int, RunPredictions]] = {}
    for run, rows in _runs_of(inputs, corpus, condition, dimension):
        missing = [] if condition == SYNTHESISED else labels.index.difference(rows.index).tolist()
        if missing:
            what = f"{run.model}, seed {run.seed}, on {corpus} ({condition})"
            raise UserError(f"{len(missing)} predictions of {what} are missing", missing, "predict the whole test set")
        table = pd.concat({"truth": labels, "prediction": rows}, axis=1, join="inner").sort_index()
        found.setdefault(run.model, {})[run.seed] = RunPredictions(run, table)
    return found


def read_genders(inputs: Inputs, corpus: str) -> "pd.Series[str]":
    """Read the gender ('female', 'male' or None) of each test utterance of a corpus, indexed by id, in corpus order.

    Args:
        inputs: with ``utterances``.
        corpus: name of the corpus.

    Raises:
        UserError: if the utterances of the corpus are not among the inputs.
    """
    return _read_people(inputs, corpus, "gender")


def read_speakers(inputs: Inputs, corpus: str) -> "pd.Series[str]":
    """Read the speaker (or None) of each test utterance of a corpus, indexed by id.

    Args:
        inputs: with ``utterances``.
        corpus: name of the corpus.

    Raises:
        UserError: if the utterances of the corpus are not among the inputs.
    """
    return _read_people(inputs, corpus, "speaker")


def _read_people(inputs: Inputs, corpus: str, column: str) -> "pd.Series[str]":
    if corpus not in inputs.utterances:
        raise UserError(f"the utterances of {corpus} are missing", remedy=f"pass them with --utterances {corpus}=FILE")
    return pd.read_parquet(inputs.utterances[corpus], columns=["id", column]).set_index("id")[column]


def _runs_of(inputs: Inputs, corpus: str, condition: str, dimension: str) -> "Iterator[tuple[Run, pd.Series[float]]]":
    for run, path in inputs.predictions:
        if run.corpus == corpus:
            table = pd.read_parquet(path, columns=["id", "condition", dimension])
            rows = table[table["condition"] == condition]
            if len(rows):
                yield run, rows.set_index("id")[dimension]


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
