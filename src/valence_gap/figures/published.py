"""The paper's values for the figures: drawn beside a study of the paper's corpora, and listed for any other study."""

import pandas as pd

from valence_gap.definitions.figures import Description
from valence_gap.runtime.data_files import read_reference

# Table III shows one model only.
TABLE_3_MODEL = "w2v2-L-robust"
HERE = "paper"
ELSEWHERE = "paper, human speech, not comparable"
OTHER = "paper, another test set, not comparable"


def heading(description: Description) -> str:
    """What stands over the paper's values, and says whether they can be compared with the study's."""
    if description.published:
        return HERE
    return ELSEWHERE if any(corpus.miniature for corpus in description.corpora) else OTHER


def published_cccs() -> pd.DataFrame:
    """Published CCCs (model, corpus, dimension, ccc, source): the paper's text and its authors' own test results."""
    return read_reference("figure_2.csv")


def published_augmented() -> pd.DataFrame:
    """CCCs averaged over the augmentations (model, corpus, dimension, ccc, source), of the one model of Table III.

    The paper shows these as bars without numbers; they are its clean CCCs plus the mean of Table III's changes.
    """
    changes = read_reference("table_3.csv").groupby(["corpus", "dimension"], as_index=False)["delta_ccc"].mean()
    clean = published_cccs().query("model == @TABLE_3_MODEL")
    found = clean.merge(changes, on=["corpus", "dimension"])
    found["ccc"] += found["delta_ccc"]
    return found.assign(source="clean CCC plus the mean of Table III")[
        ["model", "corpus", "dimension", "ccc", "source"]
    ]


def published_changes() -> pd.DataFrame:
    """Mean change of the CCC by augmentation over all corpora and dimensions: model, change, source."""
    return read_reference("figure_6.csv")


def published_gender_gaps() -> pd.DataFrame:
    """CCC of female minus that of male speakers, mean over all corpora and dimensions: model, gender_gap, source."""
    return read_reference("figure_7.csv")


def published_agreement() -> pd.DataFrame:
    """Spearman's correlation between models over speakers: dimension, speakers, lowest, highest, source."""
    return read_reference("figure_8.csv")


def published_drops() -> pd.DataFrame:
    """Drop of the CCC across corpora, as a share of that in-domain: model, corpus, dimension, relative_drop, source."""
    return read_reference("section_4e.csv")


def listed(table: pd.DataFrame, value: str, quantity: str, description: Description) -> pd.DataFrame:
    """Published values of the models and corpora that a figure shows, as one list for all quantities.

    Args:
        table: published values; model, corpus and dimension where they apply.
        value: its column of values.
        quantity: what they are.
        description: what the figure shows.

    Returns:
        quantity, model, corpus, dimension, value, source; empty where one does not apply.
    """
    names = {"model": [one.name for one in description.models], "corpus": [one.name for one in description.corpora]}
    shown = table
    for column, valid in names.items():
        if column in table:
            shown = shown[shown[column].isin(valid)]
    columns = ["quantity", "model", "corpus", "dimension", "value", "source"]
    return shown.rename(columns={value: "value"}).assign(quantity=quantity).reindex(columns=columns, fill_value="")
