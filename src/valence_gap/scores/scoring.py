"""Compare predictions with labels: one tidy table of CCCs with intervals."""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from valence_gap.audio.skipped import drop_skipped, skipped_ids
from valence_gap.definitions.evaluation import AUGMENTED_MEAN, CLEAN, CLEAN_OF_AUGMENTED, SYNTHESISED, Evaluation
from valence_gap.definitions.values import DIMENSIONS, to_json
from valence_gap.runtime.data_files import write_csv
from valence_gap.runtime.errors import UserError, first_lines, valid_names
from valence_gap.runtime.files import write_json
from valence_gap.runtime.progress import log_line, note
from valence_gap.runtime.provenance import run_record
from valence_gap.scores.doubts import doubts
from valence_gap.scores.group_scores import GroupScore, LabelledPredictions, group_scores, mean_score
from valence_gap.scores.same_utterances import is_augmented, refuse_incomplete

COLUMNS = (
    *("model", "seed", "corpus", "condition", "dimension", "group_by", "group", "samples", "ccc", "low", "high"),
    *("se_utterances", "se_speakers", "speakers"),
)
MAX_LISTED = 20


def score(
    predictions: Path,
    labels: Path,
    utterances: Path,
    output: Path,
    *,
    model: str,
    seed: int,
    corpus: str,
    dimensions: Sequence[str],
    evaluation: Evaluation,
    pack_index: Path | None = None,
    augmented_utterances: int | None = None,
    clean: Path | None = None,
    record: Path | None = None,
) -> None:
    """Write the scores of one model on one corpus as CSV; see :func:`score_table`.

    Args:
        predictions: Parquet with id, condition, arousal, dominance, valence.
        labels: Parquet with id, arousal, dominance, valence; NaN if not annotated.
        utterances: Parquet with id, speaker, gender.
        output: the CSV.
        model: name of the model.
        seed: its seed.
        corpus: name of the corpus.
        dimensions: annotated dimensions.
        evaluation: how scores are computed.
        pack_index: index of the clean pack, if bad audio is skipped: utterances that it lacks are left out.
        augmented_utterances: how many utterances of the test set are augmented; None: all.
        clean: predictions of clean speech of the same run, if that is a number: its scores on the augmented utterances
            are added as the condition ``clean of augmented``, unless they are all.
        record: JSON file for the run record, if one is required: see :func:`valence_gap.runtime.provenance.run_record`.
            It also has ``warnings``: why the scores may mean nothing.

    Raises:
        UserError: if predictions, labels and utterances do not fit together.
    """
    started = time.monotonic()
    people = pd.read_parquet(utterances)
    skipped = skipped_ids(people["id"], pack_index, corpus)
    predicted, truth, people = (
        drop_skipped(skipped, table) for table in (pd.read_parquet(predictions), pd.read_parquet(labels), people)
    )
    if clean is not None:
        refuse_incomplete(predicted, people["id"], augmented_utterances, f"{model}, seed {seed}, on {corpus}")
        predicted = with_recordings(predicted, pd.read_parquet(clean), people["id"])
    table = score_table(
        predicted,
        truth,
        people,
        corpus=corpus,
        dimensions=dimensions,
        evaluation=evaluation,
    )
    write_csv(output, table.assign(model=model, seed=seed)[list(COLUMNS)])
    scored = truth if clean is None else truth[truth["id"].isin(predicted["id"])]
    warnings = doubts(predicted, scored, dimensions)
    for line in warnings:
        note(f"{model} on {corpus}", f"warning: {line}")
    if record is not None:
        definition = {"model": model, "seed": seed, "corpus": corpus, "dimensions": list(dimensions)}
        definition["evaluation"] = json.loads(to_json(evaluation))
        inputs = {"predictions": predictions, "labels": labels, "utterances": utterances}
        inputs |= {"pack index": pack_index} if pack_index else {}
        if clean is not None:
            definition["augmented_utterances"] = augmented_utterances
            inputs["clean predictions"] = clean
        write_json(record, run_record(definition, inputs=inputs, started=started) | {"warnings": warnings})


def with_recordings(augmented: pd.DataFrame, clean: pd.DataFrame, test_set: "pd.Series[str]") -> pd.DataFrame:
    """Add the predictions of clean speech for the utterances that are augmented, as ``clean of augmented``.

    Args:
        augmented: id, condition, arousal, dominance, valence.
        clean: the same of the whole test set.
        test_set: its ids; if all are augmented, nothing is added.
    """
    if len(set(augmented["id"])) == len(test_set):
        return augmented
    same = clean[clean["id"].isin(augmented["id"]) & (clean["condition"] == CLEAN)]
    return pd.concat([augmented, same.assign(condition=CLEAN_OF_AUGMENTED)], ignore_index=True)


def score_table(
    predictions: pd.DataFrame,
    labels: pd.DataFrame,
    utterances: pd.DataFrame,
    *,
    corpus: str,
    dimensions: Sequence[str],
    evaluation: Evaluation,
) -> pd.DataFrame:
    """CCC with interval for each condition, dimension and group.

    Groups (``group_by``): ``all``; ``gender``: female and male; ``fairness``: female minus male (section III-D);
    ``speaker``: for each speaker with at least ``evaluation.min_samples`` labelled utterances the mean CCC over
    resamples of ``evaluation.speaker_draws`` of them (section IV-J). Utterances without a label, gender or speaker
    are left out of the scores that need it. If there are augmented conditions, ``all`` also has a row for the mean CCC
    over them, with the interval of this mean. They may cover a subset of the test set if ``clean of augmented``, the
    clean recordings of the same utterances, is among the conditions: these are scored on the same resamples.

    Returns:
        Columns corpus, condition, dimension, group_by, group, samples, ccc, low and high (percentiles of the bootstrap
        over utterances), se_utterances and se_speakers (standard errors of the bootstraps over utterances and over
        speakers; the second is NaN for a single speaker, and where fewer than two speakers are known), speakers (number
        of the known ones).

    Raises:
        UserError: if predictions, labels and utterances do not fit together.
    """
    _check_ids(predictions, labels, utterances, corpus)
    unknown = set(dimensions) - set(DIMENSIONS)
    if unknown:
        raise UserError("unknown dimension", sorted(unknown), valid_names(DIMENSIONS))
    labels = labels.set_index("id").loc[utterances["id"]]
    tables = []
    for conditions, rows in _conditions(predictions, utterances, corpus):
        by_condition = _align(predictions, conditions, utterances["id"][rows], corpus)
        for dimension in (name for name in DIMENSIONS if name in dimensions):
            series = _series(labels[rows], by_condition[dimension], utterances[rows], dimension, corpus)
            tables += [_rows(conditions, dimension, one) for one in group_scores(series, corpus, evaluation)]
            augmented = [is_augmented(name) for name in conditions]
            if any(augmented):
                tables.append(_rows([AUGMENTED_MEAN], dimension, mean_score(series, augmented, corpus, evaluation)))
    table = pd.concat(tables, ignore_index=True).assign(corpus=corpus)
    return table.sort_values("condition", kind="stable", key=_order(predictions), ignore_index=True)[list(COLUMNS[2:])]


def _rows(conditions: list[str], dimension: str, score: GroupScore) -> pd.DataFrame:
    estimate = score.estimate
    return pd.DataFrame({"condition": conditions, "ccc": estimate.value, "low": estimate.low}).assign(
        high=estimate.high,
        se_utterances=estimate.se,
        se_speakers=score.se_speakers,
        speakers=score.speakers,
        dimension=dimension,
        group_by=score.group_by,
        group=score.group,
        samples=score.samples,
    )


def _order(predictions: pd.DataFrame) -> Any:
    names = [*predictions["condition"].unique(), AUGMENTED_MEAN]
    ranks = {name: rank for rank, name in enumerate(names)}
    return lambda column: column.map(ranks)


def _check_ids(predictions: pd.DataFrame, labels: pd.DataFrame, utterances: pd.DataFrame, corpus: str) -> None:
    """Check that every id is known and occurs once."""
    known = set(utterances["id"])
    if known != set(labels["id"]):
        raise UserError(
            f"the labels and the utterances of {corpus} do not have the same ids",
            first_lines(sorted(known ^ set(labels["id"])), MAX_LISTED),
            "prepare the corpus again",
        )
    unknown_ids = sorted(set(predictions["id"]) - known)
    if unknown_ids:
        raise UserError(
            f"there are predictions for utterances that {corpus} does not have",
            first_lines(unknown_ids, MAX_LISTED),
            "predict again",
        )
    twice = predictions[predictions.duplicated(["id", "condition"])]
    if len(twice):
        lines = (twice["condition"] + ": " + twice["id"]).tolist()
        raise UserError(
            f"there is more than one prediction for an utterance of {corpus}",
            first_lines(lines, MAX_LISTED),
            "predict again",
        )


def _conditions(
    predictions: pd.DataFrame, utterances: pd.DataFrame, corpus: str
) -> Iterator[tuple[list[str], npt.NDArray[np.bool_]]]:
    """Conditions that have the same utterances, and the mask of these utterances."""
    names = predictions["condition"].unique().tolist()
    others = [name for name in names if name != SYNTHESISED]
    if others:
        rows = np.ones(len(utterances), dtype=bool)
        if CLEAN_OF_AUGMENTED in others:
            drawn = predictions.loc[predictions["condition"].isin(others), "id"]
            rows = utterances["id"].isin(drawn).to_numpy(dtype=bool)
            log_line(f"{corpus}: {np.sum(rows)} of {len(rows)} utterances are augmented, the others are left out")
        yield others, rows
    if SYNTHESISED in names:
        spoken = set(predictions.loc[predictions["condition"] == SYNTHESISED, "id"])
        rows = utterances["id"].isin(spoken).to_numpy(dtype=bool)
        log_line(f"{corpus}: {np.sum(rows)} of {len(rows)} utterances were synthesised, the others are left out")
        yield [SYNTHESISED], rows


def _align(
    predictions: pd.DataFrame, conditions: list[str], ids: "pd.Series[str]", corpus: str
) -> dict[str, pd.DataFrame]:
    """For each dimension, a table with a row per id and a column per condition."""
    found = {name: rows.set_index("id") for name, rows in predictions.groupby("condition")}
    missing = [f"{name}: {one}" for name in conditions for one in ids[~ids.isin(found[name].index)]]
    if missing:
        raise UserError(
            f"{len(missing)} predictions for {corpus} are missing", first_lines(missing, MAX_LISTED), "predict again"
        )
    return {
        dimension: pd.DataFrame({name: found[name][dimension].reindex(ids.to_numpy()) for name in conditions})
        for dimension in DIMENSIONS
    }


def _series(
    labels: pd.DataFrame, predictions: pd.DataFrame, utterances: pd.DataFrame, dimension: str, corpus: str
) -> LabelledPredictions:
    truth = labels[dimension].to_numpy(dtype=np.float64)
    labelled = np.isfinite(truth)
    if not labelled.any():
        raise UserError(
            f"no utterance of {corpus} has a label for {dimension}",
            remedy="remove the dimension from the definition of the corpus, or correct its labels",
        )
    if not labelled.all():
        log_line(f"{corpus}: {np.sum(~labelled)} of {len(truth)} utterances have no label for {dimension}, left out")
    return LabelledPredictions(
        truth=truth[labelled],
        predictions=predictions.to_numpy(dtype=np.float64)[labelled],
        gender=utterances["gender"].to_numpy(dtype=object)[labelled],
        speaker=utterances["speaker"].to_numpy(dtype=object)[labelled],
    )
