"""Table I: results of earlier work in recognising four emotions of IEMOCAP (section II)."""

import pandas as pd
from pydantic.dataclasses import dataclass

from valence_gap.definitions.figures import Inputs
from valence_gap.definitions.values import STRICT
from valence_gap.runtime.data_files import read_reference
from valence_gap.tables.rendering import CHECK, Column, Table

MARKS = {"large": "L", "ft_sr": "FT-SR", "ft_d": "FT-D"}
UTTERANCE_LEVEL = 2


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Description:
    """The options of the table: only a note, because all its content is published."""

    note: str = ""


def published() -> pd.DataFrame:
    """The published table: row, work, reference, model, large, ft_sr, ft_d, uar, war, reconstructed.

    ``large``, ``ft_sr`` and ``ft_d`` are yes or no. ``reconstructed`` lists those of them whose check mark is
    reconstructed, because the text of the paper has another character there. Empty cells of the paper stay empty.
    """
    return read_reference("table_1.csv", keep_default_na=False, na_values={"uar": "", "war": ""})


def table(inputs: Inputs, description: Description) -> Table:
    """The literature, by rising recall.

    Args:
        inputs: none.
        description: the note.
    """
    rows = published()
    heads = [Column("", align="r"), Column("Work"), Column("Model")]
    marks = [Column(title, align="c") for title in MARKS.values()]
    recalls = [Column("UAR", align="r"), Column("WAR", align="r")]
    return Table(
        "State of the art in 4-class emotion recognition on IEMOCAP with transformers, by unweighted (UAR) or weighted "
        "average recall (WAR) in per cent. L: large architecture, otherwise base. FT-SR: fine-tuned for speech "
        "recognition before. FT-D: transformer layers fine-tuned for the task.",
        rows,
        [*heads, *marks, *recalls],
        [[_cells(row) for _, row in rows.iterrows()]],
        _notes(rows, description),
    )


def _cells(row: "pd.Series[str]") -> list[str]:
    work = f"{row['work']} [{row['reference']}]" + (" *" if int(row["row"]) == UTTERANCE_LEVEL else "")
    marks = [CHECK if row[column] == "yes" else "" for column in MARKS]
    recalls = [f"{float(row[name]):.1f}" if pd.notna(row[name]) else "" for name in ("uar", "war")]
    return [str(row["row"]), work, row["model"], *marks, *recalls]


def _notes(rows: pd.DataFrame, description: Description) -> list[str]:
    where = {
        title: ", ".join(str(row) for row in rows.loc[rows["reconstructed"].str.split().map(set).ge({name}), "row"])
        for name, title in MARKS.items()
    }
    named = "; ".join(f"{title} in rows {places}" for title, places in where.items() if places)
    notes = [
        "Numbers in brackets are those of the paper's references.",
        "* On the level of utterances; the authors report better results on that of phonemes.",
        f"Reconstructed, since the text of the paper has other characters in place of these check marks: {named}. L "
        "agrees with the names of the models, FT-D with what section II says of rows 15 to 22. Cells that are empty "
        "here are empty there.",
    ]
    return [*notes, description.note] if description.note else notes
