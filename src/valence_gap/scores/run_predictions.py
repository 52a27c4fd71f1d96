"""Predictions of single runs with the labels and speakers of the test sets, for figures and tables made from them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from valence_gap.audio.skipped import drop_skipped, skipped_ids
from valence_gap.definitions.evaluation import SYNTHESISED
from valence_gap.definitions.figures import Inputs, Run
from valence_gap.runtime.errors import UserError
from valence_gap.scores.metrics import Floats
from valence_gap.scores.same_utterances import is_augmented, refuse_incomplete


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
        inputs: with ``predictions`` and ``labels``, ``pack_indexes`` where bad audio is skipped, and
            ``augmented_utterances`` where a subset is augmented.
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
    drawn = inputs.augmented_utterances.get(corpus) if is_augmented(condition) else None
    found: dict[str, dict[int, RunPredictions]] = {}
    for run, rows in _runs_of(inputs, corpus, condition, dimension):
        what = f"{run.model}, seed {run.seed}, on {corpus} ({condition})"
        missing = [] if condition == SYNTHESISED else labels.index.difference(rows.index).tolist()
        if drawn is not None:
            refuse_incomplete(rows.reset_index().assign(condition=condition), truth["id"], drawn, what)
        elif missing:
            raise UserError(f"{len(missing)} predictions of {what} are missing", missing, "predict the whole test set")
        table = pd.concat({"truth": labels, "prediction": rows}, axis=1, join="inner").sort_index()
        found.setdefault(run.model, {})[run.seed] = RunPredictions(run, table)
    return found


def same_utterances(runs: Sequence[RunPredictions]) -> "pd.Index[str]":
    """The utterances of some runs on one corpus, which have to be the same ones, sorted by id.

    Raises:
        UserError: some are of other utterances than the first.
    """
    ids = runs[0].table.index
    other = [
        f"{one.run.model}, seed {one.run.seed}, on {one.run.corpus}" for one in runs if not one.table.index.equals(ids)
    ]
    if other:
        raise UserError("runs that are compared were predicted on different utterances", other, "predict again")
    return ids


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
