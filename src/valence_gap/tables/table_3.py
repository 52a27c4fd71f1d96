"""Table III: change of the CCC of one model under each augmentation of the test sets (section IV-H)."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field
from pydantic.dataclasses import dataclass

from valence_gap.definitions import figures
from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.values import DIMENSIONS, STRICT
from valence_gap.runtime.data_files import read_reference
from valence_gap.runtime.errors import UserError
from valence_gap.scores.same_utterances import recordings, subset_text
from valence_gap.tables.change_errors import Place, mean_change, resampled_changes
from valence_gap.tables.rendering import Column, Table, format_change, format_error

ALL_CONDITIONS = "all"
CONDITION = ["condition", "augmentation", "snr_db"]
PLACE = ["condition", "corpus", "dimension"]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ShownCondition:
    """An augmentation, defined as in the configuration.

    Attributes:
        name: of the condition.
        label: name of its rows; conditions of one class of noise share it.
        kind: what is done to the audio.
        noise_class: noise: ESC-50's major class.
        snr_db: noise: signal-to-noise ratio in dB.
    """

    name: str
    label: str
    kind: Literal["noise", "speed", "fade"]
    noise_class: Literal["natural", "human", "interior"] | None = None
    snr_db: float | None = None

    @property
    def augmentation(self) -> str:
        """Class of the noise, or the kind: natural, human, interior, speed or fade."""
        return self.noise_class or self.kind


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Description(figures.Description):
    """What the table shows: one model, corpora as columns, and the published changes where ``published`` is true.

    Attributes:
        conditions: rows, in order.
    """

    models: Annotated[tuple[figures.ShownModel, ...], Field(min_length=1, max_length=1)]
    conditions: Annotated[tuple[ShownCondition, ...], Field(min_length=1)]

    def places(self) -> list[tuple[str, figures.ShownCorpus]]:
        """Dimension and corpus of each column."""
        return [
            (dimension, corpus) for dimension in DIMENSIONS for corpus in self.corpora if dimension in corpus.dimensions
        ]


def table(inputs: figures.Inputs, description: Description) -> Table:
    """Return the changes of the CCC, mean over the seeds, with averages and, if requested, the published changes.

    Args:
        inputs: with ``scores``, ``predictions``, ``labels`` and ``utterances`` of the test sets, clean and augmented,
            and ``pack_indexes`` where bad audio is skipped. The changes are those of the scores.
        description: model, corpora and conditions, and how intervals are computed.

    Raises:
        UserError: if something was not scored or predicted.
    """
    cells, found = changes_with_errors(inputs, description)
    if description.published:
        reference = published().rename(columns={"delta_ccc": "published"})
        cells = cells.merge(reference, how="left", on=["augmentation", "snr_db", "corpus", "dimension"])
        cells["difference"] = cells["change"] - cells["published"]
        theirs = averages(cells.rename(columns={"published": "delta_ccc"})).drop(columns="cells")
        found = found.merge(theirs.rename(columns={"mean": "published"}), on="augmentation")
        found["difference"] = found["mean"] - found["published"]
    groups = {"arousal": "Arousal", "dominance": "Dominance", "valence": "Valence / sentiment"}
    places = [Column(corpus.label, groups[dimension], "r") for dimension, corpus in description.places()]
    return Table(
        f"Change in CCC of the predictions of {description.models[0].label} on augmented data, compared with those on "
        "clean data.",
        cells,
        [Column("Augmentation"), Column("SNR", align="r"), Column(""), *places],
        _blocks(cells, description),
        [
            *_subset(inputs.scores, description),
            _lines(cells, description),
            _summary(found, description),
            *([description.note] if description.note else []),
        ],
        {"averages": found},
    )


def published() -> pd.DataFrame:
    """The published changes of w2v2-L-robust: augmentation, snr_db, corpus, dimension, delta_ccc."""
    return read_reference("table_3.csv")


def averages(cells: pd.DataFrame) -> pd.DataFrame:
    """Means over all cells, and over those of each augmentation (a class of noise, speed or fade).

    Args:
        cells: augmentation and delta_ccc; undefined ones are left out.

    Returns:
        augmentation (first ``all``), cells (their number), mean.
    """
    everything = cells.assign(augmentation=ALL_CONDITIONS)
    groups = pd.concat([everything, cells]).groupby("augmentation", sort=False)["delta_ccc"]
    return groups.agg(cells="count", mean="mean").reset_index()


def changes_with_errors(inputs: figures.Inputs, description: Description) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The changes, and their averages over all cells and over those of each augmentation, with errors and intervals.

    Returns:
        Rows of condition, augmentation, snr_db, corpus, dimension, clean and augmented (means over the seeds), and the
        columns of :func:`valence_gap.tables.change_errors.mean_change`; and rows of augmentation (first ``all``), cells
        (their number; undefined ones are left out), mean, and the same columns but ``change``.

    Raises:
        UserError: if something was not scored or predicted.
    """
    rows = changes(inputs.scores, description)
    confidence = description.evaluation.confidence
    groups = rows.groupby(PLACE, sort=False)["change"]
    by_seed = {place: groups.get_group(place).to_numpy(dtype=np.float64) for place in _places(rows)}
    seeds = [int(seed) for seed in rows["seed"].unique()]
    resampled = resampled_changes(inputs, description.models[0].name, seeds, list(by_seed), description.evaluation)
    means = rows.groupby([*CONDITION, "corpus", "dimension"], sort=False, dropna=False)[["clean", "augmented"]].mean()
    cells = means.reset_index()
    errors = [mean_change({place: by_seed[place]}, resampled, confidence) for place in _places(cells)]
    cells = cells.join(pd.DataFrame(errors))
    defined = cells[cells["change"].notna()]
    found = []
    for name in [ALL_CONDITIONS, *cells["augmentation"].unique()]:
        chosen = defined if name == ALL_CONDITIONS else defined[defined["augmentation"] == name]
        own = {place: by_seed[place] for place in _places(chosen)}
        row = {"augmentation": name, "cells": len(own)}
        found.append(row | (mean_change(own, resampled, confidence) if own else {}))
    table = pd.DataFrame(found, columns=["augmentation", "cells", *errors[0]])
    return cells, table.rename(columns={"change": "mean"})


def _places(cells: pd.DataFrame) -> list[Place]:
    """Condition, corpus and dimension of the rows, each once."""
    return list(cells[PLACE].drop_duplicates().itertuples(index=False, name=None))


def changes(scores: Sequence[Path], description: Description) -> pd.DataFrame:
    """Rows of condition, augmentation, snr_db, corpus, dimension, seed, clean, augmented and change of the CCC.

    Raises:
        UserError: if something was not scored.
    """
    if not scores:
        raise UserError("this table needs score tables", remedy="pass them with --scores")
    table = _of_whole_test_sets(scores, description)
    seeds = list(dict.fromkeys(table["seed"])) or [None]
    requested = pd.DataFrame(
        [
            (condition.name, condition.augmentation, condition.snr_db, corpus.name, dimension, seed)
            for condition in description.conditions
            for dimension, corpus in description.places()
            for seed in seeds
        ],
        columns=[*CONDITION, "corpus", "dimension", "seed"],
    ).astype({"snr_db": "float64"})
    keys = ["corpus", "dimension", "seed"]
    clean = recordings(table).rename(columns={"ccc": "clean"})[[*keys, "clean"]]
    augmented = table.rename(columns={"ccc": "augmented"})[["condition", *keys, "augmented"]]
    found = requested.merge(clean, how="left", on=keys, indicator="in_clean")
    found = found.merge(augmented, how="left", on=["condition", *keys], indicator="in_augmented")
    _refuse_missing(found, description)
    found["change"] = found["augmented"] - found["clean"]
    return found.drop(columns=["in_clean", "in_augmented"])


def _of_whole_test_sets(scores: Sequence[Path], description: Description) -> pd.DataFrame:
    """The rows of the score tables that are of the model, and not of single genders or speakers."""
    table = pd.concat([pd.read_csv(path, dtype={"group": str}) for path in scores], ignore_index=True)
    return table[(table["model"] == description.models[0].name) & (table["group_by"] == "all")]


def _subset(scores: Sequence[Path], description: Description) -> list[str]:
    """How many utterances are augmented, as a sentence, where they are a subset of a test set; else none."""
    labels = {corpus.name: corpus.label for corpus in description.corpora}
    part = subset_text(_of_whole_test_sets(scores, description), labels)
    return [f"Augmented and clean: fixed subsets of the test sets, {part}."] if part else []


def _refuse_missing(found: pd.DataFrame, description: Description) -> None:
    """Refuse missing scores: averages over different seeds or corpora cannot be compared."""
    offenders = [
        f"seed {row['seed']} on {row['corpus']}: {row['dimension']}, '{condition or row['condition']}'"
        for column, condition in (("in_clean", CLEAN), ("in_augmented", ""))
        for row in found[found[column] == "left_only"].to_dict("records")
    ]
    if offenders:
        named = list(dict.fromkeys(offenders))
        raise UserError(
            f"scores of {description.models[0].name} are missing", named, "score every seed under all conditions"
        )


def _blocks(cells: pd.DataFrame, description: Description) -> list[list[list[str]]]:
    """Rows of each augmentation: for each of its conditions the changes, their intervals and their errors.

    With published values, there are two rows more for each condition.
    """
    shown: dict[str, Callable[[Mapping[Any, Any]], str]] = {
        "here" if description.published else "change": lambda row: format_change(row["change"]),
        "interval": _interval,
        "errors": _errors,
    }
    if description.published:
        shown |= {
            "published": lambda row: format_change(row["published"]),
            "difference": lambda row: format_change(row["difference"]),
        }
    rows = {(row["condition"], row["corpus"], row["dimension"]): row for row in cells.to_dict("records")}
    blocks: dict[str, list[list[str]]] = {}
    for condition in description.conditions:
        block = blocks.setdefault(condition.augmentation, [])
        snr = "" if condition.snr_db is None else f"{condition.snr_db:g} dB"
        head = ["" if block else condition.label, snr]
        for name, text in shown.items():
            places = [(condition.name, corpus.name, dimension) for dimension, corpus in description.places()]
            block.append([*head, name, *(text(rows[place]) for place in places)])
            head = ["", ""]
    return list(blocks.values())


def _interval(row: Mapping[Any, Any]) -> str:
    """The interval: [−.651, −.528]."""
    if not (np.isfinite(row["low"]) and np.isfinite(row["high"])):
        return "n/a"
    return f"[{format_change(row['low'])}, {format_change(row['high'])}]"


def _errors(row: Mapping[Any, Any]) -> str:
    """The standard errors over utterances and over speakers: .021 / .030."""
    return f"{format_error(row['se_utterances'])} / {format_error(row['se_speakers'])}"


def _lines(cells: pd.DataFrame, description: Description) -> str:
    """Return what the rows of a condition are, as sentences."""
    seeds = int(cells["seeds"].iloc[0])
    mean = f"the mean over {seeds} training seeds" if seeds > 1 else "that of one training seed"
    covers = f"and of the {seeds} seeds" if seeds > 1 else "alone, without a part of the training seeds"
    return (
        f"Each change is {mean}. Interval: {description.interval_label()} (Student's t) of the utterances or speakers "
        f"tested (the wider) {covers}. Errors: standard errors of the paired change over utterances / over speakers."
    )


def _summary(found: pd.DataFrame, description: Description) -> str:
    """Return the averages as a sentence."""
    titles = {ALL_CONDITIONS: "all"} | {condition.augmentation: condition.label for condition in description.conditions}
    parts = []
    for row in found.to_dict("records"):
        beside = f" (published {format_change(row['published'])})" if description.published else ""
        errors = f"interval {_interval(row)}, errors {_errors(row)}"
        parts.append(
            f"{titles[row['augmentation']]} {format_change(row['mean'])}{beside}, {errors}, {row['cells']} cells"
        )
    return f"Average changes: {'; '.join(parts)}."
