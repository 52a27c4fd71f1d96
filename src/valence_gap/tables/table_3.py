"""Table III: change of the CCC of one model under each augmentation of the test sets (section IV-H)."""

from collections.abc import Sequence
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
from valence_gap.tables.rendering import Column, Table, format_change

ALL_CONDITIONS = "all"
CONDITION = ["condition", "augmentation", "snr_db"]


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


def table(scores: Sequence[Path], description: Description) -> Table:
    """Return the changes of the CCC, mean over the seeds, with averages and, if requested, the published changes.

    Args:
        scores: score tables of the clean and of the augmented test sets.
        description: model, corpora and conditions.

    Raises:
        UserError: if something was not scored.
    """
    cells = changes(scores, description)
    found = averages(cells.rename(columns={"change": "delta_ccc"}))
    if description.published:
        reference = published().rename(columns={"delta_ccc": "published"})
        cells = cells.merge(reference, how="left", on=["augmentation", "snr_db", "corpus", "dimension"])
        cells["difference"] = cells["change"] - cells["published"]
        theirs = averages(cells.rename(columns={"published": "delta_ccc"})).drop(columns="cells")
        found = found.merge(theirs.rename(columns={"mean": "published"}), on="augmentation")
        found["difference"] = found["mean"] - found["published"]
    groups = {"arousal": "Arousal", "dominance": "Dominance", "valence": "Valence / sentiment"}
    places = [Column(corpus.label, groups[dimension], "r") for dimension, corpus in description.places()]
    values = [Column("")] if description.published else []
    return Table(
        f"Change in CCC of the predictions of {description.models[0].label} on augmented data, compared with those on "
        "clean data.",
        cells,
        [Column("Augmentation"), Column("SNR", align="r"), *values, *places],
        _blocks(cells, description),
        [_summary(found, description), *([description.note] if description.note else [])],
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


def changes(scores: Sequence[Path], description: Description) -> pd.DataFrame:
    """Rows of condition, augmentation, snr_db, corpus, dimension, clean, augmented, change, seeds, sd, se_seeds.

    ``change`` is the mean over the seeds of augmented minus clean, ``sd`` its standard deviation over them, and
    ``se_seeds`` the standard error that the seeds add to the mean (NaN for one seed). The claims on changes, such as
    `augmentations-hurt`, have the error over utterances and speakers, which needs the predictions.

    Raises:
        UserError: if something was not scored.
    """
    if not scores:
        raise UserError("this table needs score tables", remedy="pass them with --scores")
    table = pd.concat([pd.read_csv(path, dtype={"group": str}) for path in scores], ignore_index=True)
    table = table[(table["model"] == description.models[0].name) & (table["group_by"] == "all")]
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
    clean = table[table["condition"] == CLEAN].rename(columns={"ccc": "clean"})[[*keys, "clean"]]
    augmented = table.rename(columns={"ccc": "augmented"})[["condition", *keys, "augmented"]]
    found = requested.merge(clean, how="left", on=keys, indicator="in_clean")
    found = found.merge(augmented, how="left", on=["condition", *keys], indicator="in_augmented")
    _refuse_missing(found, description)
    found["change"] = found["augmented"] - found["clean"]
    groups = found.groupby([*CONDITION, "corpus", "dimension"], sort=False, dropna=False)
    spread = groups["change"].agg(seeds="size", sd="std")
    means: pd.DataFrame = groups[["clean", "augmented", "change"]].mean()
    found = means.join(spread).reset_index()
    return found.assign(se_seeds=found["sd"] / np.sqrt(found["seeds"]))


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
    """Rows of each augmentation; with published values, three rows for each of its conditions."""
    shown = {"change": "here", "published": "published", "difference": "difference"}
    values = shown if description.published else {"change": ""}
    by_place = cells.set_index(["condition", "corpus", "dimension"])
    found: dict[str, dict[Any, float]] = {value: by_place[value].to_dict() for value in values}
    blocks: dict[str, list[list[str]]] = {}
    for condition in description.conditions:
        block = blocks.setdefault(condition.augmentation, [])
        snr = "" if condition.snr_db is None else f"{condition.snr_db:g} dB"
        head = ["" if block else condition.label, snr]
        for value, name in values.items():
            places = [(condition.name, corpus.name, dimension) for dimension, corpus in description.places()]
            row = [format_change(found[value][place]) for place in places]
            block.append([*head, *([name] if name else []), *row])
            head = ["", ""]
    return list(blocks.values())


def _summary(found: pd.DataFrame, description: Description) -> str:
    """Return the averages as a sentence."""
    titles = {ALL_CONDITIONS: "all"} | {condition.augmentation: condition.label for condition in description.conditions}
    parts = []
    for row in found.to_dict("records"):
        beside = f" (published {format_change(row['published'])})" if description.published else ""
        parts.append(f"{titles[row['augmentation']]} {format_change(row['mean'])}{beside}, {row['cells']} cells")
    return f"Average changes: {'; '.join(parts)}."
