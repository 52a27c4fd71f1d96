"""Compare predictions with labels: one tidy table of CCCs with intervals."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
from valence_gap.scores import statistics
from valence_gap.scores.doubts import doubts
from valence_gap.scores.metrics import Floats
from valence_gap.scores.same_utterances import is_augmented, refuse_incomplete
from valence_gap.scores.speaker_bootstrap import Codes, group_resamples, speaker_cccs, speaker_codes
from valence_gap.scores.statistics import Estimate, speaker_error

COLUMNS = (
    *("model", "seed", "corpus", "condition", "dimension", "group_by", "group", "samples", "ccc", "low", "high"),
    *("se_utterances", "se_speakers", "speakers"),
)
GENDERS = ("female", "male")
MAX_LISTED = 20


@dataclass(frozen=True)
class LabelledPredictions:
    """The labelled utterances of one dimension, and their predictions.

    Attributes:
        truth: labels, (samples,).
        predictions: (samples, conditions).
        gender: 'female', 'male' or None, (samples,).
        speaker: name or None, (samples,).
    """

    truth: Floats
    predictions: Floats
    gender: npt.NDArray[Any]
    speaker: npt.NDArray[Any]

    def select(self, rows: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Labels and predictions of some of the utterances."""
        return self.truth[rows], self.predictions[rows]

    def speakers(self, rows: npt.NDArray[np.bool_]) -> int:
        """Number of the known speakers of some of the utterances."""
        return len({name for name in self.speaker[rows] if isinstance(name, str)})

    def with_speakers(self, rows: npt.NDArray[np.bool_]) -> tuple[Floats, Floats, Codes]:
        """Labels, predictions and numbered speakers of some of the utterances."""
        return *self.select(rows), speaker_codes(self.speaker[rows])


@dataclass(frozen=True)
class GroupScore:
    """The score of a group of utterances.

    Attributes:
        group_by: all, gender, fairness or speaker.
        group: name of the group.
        samples: number of its utterances.
        estimate: the CCC of each condition, with its error over utterances.
        se_speakers: standard error of a bootstrap over speakers, (conditions,); NaN where it is unknown.
        speakers: number of its known speakers.
    """

    group_by: str
    group: str
    samples: int
    estimate: Estimate
    se_speakers: Floats
    speakers: int


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
            tables += [_rows(conditions, dimension, one) for one in _estimates(series, corpus, evaluation)]
            augmented = [is_augmented(name) for name in conditions]
            if any(augmented):
                tables.append(_rows([AUGMENTED_MEAN], dimension, _mean(series, augmented, corpus, evaluation)))
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


def _estimates(series: LabelledPredictions, corpus: str, evaluation: Evaluation) -> Iterator[GroupScore]:
    """Yield the scores of all groups of utterances."""
    everyone = np.ones(len(series.truth), dtype=bool)
    groups = {"all": everyone, **{gender: series.gender == gender for gender in GENDERS}}
    for group, rows in groups.items():
        if rows.any():
            estimate = statistics.ccc_estimate(*series.select(rows), **statistics.bootstrap(evaluation, corpus, group))
            speakers, kind = series.speakers(rows), "gender" if group in GENDERS else "all"
            se = speaker_error(_over_speakers(series, rows, corpus, group, evaluation), speakers)
            yield GroupScore(kind, group, int(rows.sum()), estimate, se, speakers)
    female, male = (groups[gender] for gender in GENDERS)
    if female.any() and male.any():
        options = statistics.bootstrap(evaluation, corpus, "female-male")
        difference = statistics.group_difference(series.select(female), series.select(male), **options)
        resampled = group_resamples(
            series.with_speakers(female),
            series.with_speakers(male),
            resamples=evaluation.bootstrap,
            rng=speaker_generator(evaluation, corpus, "female-male"),
        )
        samples = int((female | male).sum())
        speakers = series.speakers(female | male)
        yield GroupScore("fairness", "female-male", samples, difference, speaker_error(resampled, speakers), speakers)
    for speaker in sorted({name for name in series.speaker if isinstance(name, str)}):
        rows = series.speaker == speaker
        if rows.sum() >= evaluation.min_samples:
            options = statistics.bootstrap(evaluation, corpus, "speaker", speaker)
            mean = statistics.resampled_mean(*series.select(rows), sample_size=evaluation.speaker_draws, **options)
            yield GroupScore("speaker", speaker, int(rows.sum()), mean, np.full(len(mean.value), np.nan), 1)


def speaker_generator(evaluation: Evaluation, corpus: str, group: str) -> np.random.Generator:
    """Random numbers for the resamples of the speakers of a group; they depend on names of data alone."""
    return statistics.generator(evaluation.seed, corpus, group, "speakers")


def _over_speakers(
    series: LabelledPredictions, rows: npt.NDArray[np.bool_], corpus: str, group: str, evaluation: Evaluation
) -> Floats:
    """CCCs of resampled speakers, (resamples, conditions)."""
    rng = speaker_generator(evaluation, corpus, group)
    return speaker_cccs(*series.with_speakers(rows), resamples=evaluation.bootstrap, rng=rng)


def _mean(series: LabelledPredictions, chosen: list[bool], corpus: str, evaluation: Evaluation) -> GroupScore:
    """Mean CCC over the chosen conditions of all utterances, on the same resamples as the single conditions."""
    options = statistics.bootstrap(evaluation, corpus, "all")
    estimate = statistics.mean_ccc_estimate(series.truth, series.predictions[:, chosen], **options)
    everyone = np.ones(len(series.truth), dtype=bool)
    resampled = _over_speakers(series, everyone, corpus, "all", evaluation)[:, chosen].mean(axis=1, keepdims=True)
    speakers = series.speakers(everyone)
    return GroupScore("all", "all", len(series.truth), estimate, speaker_error(resampled, speakers), speakers)
