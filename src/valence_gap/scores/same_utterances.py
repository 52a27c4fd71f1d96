"""Augmented speech beside clean speech of the same utterances, which may be a fixed subset of a test set."""

from collections.abc import Collection, Mapping

import pandas as pd

from valence_gap.audio.subsets import covered
from valence_gap.definitions.evaluation import AUGMENTED_MEAN, CLEAN, CLEAN_OF_AUGMENTED, SYNTHESISED
from valence_gap.definitions.figures import in_words
from valence_gap.runtime.errors import UserError

RUN = ["model", "seed", "corpus"]
NOT_SINGLE = (CLEAN, CLEAN_OF_AUGMENTED, SYNTHESISED, AUGMENTED_MEAN)
"""The conditions of score tables that are no single augmentation."""
MAX_LISTED = 20


def is_augmented(condition: str) -> bool:
    """Whether a condition of predictions is an augmentation."""
    return condition not in NOT_SINGLE


def augmented_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table with ``condition`` that are of augmentations."""
    return table[~table["condition"].isin(NOT_SINGLE)]


def refuse_incomplete(predictions: pd.DataFrame, test_set: Collection[str], number: int | None, what: str) -> None:
    """Refuse augmentations that do not cover the same utterances, or not as many as the study augments.

    Args:
        predictions: with id and condition; other conditions than augmentations do not count.
        test_set: ids of the test set, without those that were skipped for bad audio.
        number: as the study gives it; None: the whole test set.
        what: whose predictions they are, for the message.

    Raises:
        UserError: a condition has another number of utterances, or other ones.
    """
    own = augmented_rows(predictions)
    ids = {str(name): frozenset(rows["id"]) & set(test_set) for name, rows in own.groupby("condition", sort=False)}
    expected = covered(number, len(test_set))
    wrong = [f"{name}: {len(one)} utterances" for name, one in ids.items() if len(one) != expected]
    first, drawn = next(iter(ids.items()), ("", frozenset()))
    wrong += [f"{name}: other utterances than {first}" for name, one in ids.items() if one != drawn]
    if wrong:
        raise UserError(
            f"augmented predictions of {what} do not cover the {expected} utterances that the study augments",
            wrong,
            "predict again",
        )


def recordings(scores: pd.DataFrame) -> pd.DataFrame:
    """The scores of clean speech that those of augmented speech are compared with: those of the same utterances.

    Args:
        scores: rows of score tables of whole test sets (``group_by`` all), clean and augmented.

    Returns:
        For a run whose augmented test set is a subset its rows of ``clean of augmented``, for others those of clean
        speech; their condition is ``clean``.

    Raises:
        UserError: they are not scores of as many utterances as the augmented ones.
    """
    subset = scores[scores["condition"] == CLEAN_OF_AUGMENTED].assign(condition=CLEAN)
    runs = set(subset[RUN].itertuples(index=False, name=None))
    clean = scores[scores["condition"] == CLEAN]
    if runs:
        whole = [run not in runs for run in clean[RUN].itertuples(index=False, name=None)]
        clean = pd.concat([clean[whole], subset])
    augmented = augmented_rows(scores)
    both = augmented.merge(clean, on=[*RUN, "dimension"], suffixes=("", "_clean"))
    other = both[both["samples"] != both["samples_clean"]]
    if len(other):
        raise UserError(
            "augmented and clean speech were scored on different utterances",
            [
                f"{row['model']}, seed {row['seed']}, on {row['corpus']}: {row['dimension']}, '{row['condition']}': "
                f"{row['samples']} and {row['samples_clean']} utterances"
                for row in first_rows(other)
            ],
            "score both again",
        )
    return clean


def first_rows(table: pd.DataFrame) -> list[dict[str, object]]:
    """The first rows of a table by the names of its columns."""
    return [{str(name): value for name, value in row.items()} for row in table[:MAX_LISTED].to_dict("records")]


def subset_text(scores: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """Which part of the test sets is augmented: '400 of 1,000 utterances of MSP-Podcast and all 500 of MOSI'.

    Args:
        scores: rows of score tables of whole test sets, clean and augmented.
        labels: of the corpora by name, in order.

    Returns:
        The number of labelled utterances by corpus; '' if all test sets are augmented as a whole.
    """
    augmented = augmented_rows(scores).groupby("corpus")["samples"].max()
    clean = scores[scores["condition"] == CLEAN].groupby("corpus")["samples"].max()
    parts: list[str] = []
    for corpus, label in labels.items():
        part, whole = int(augmented[corpus]), int(clean[corpus])
        unit = "" if parts else "utterances "
        parts.append(f"{part:,} of {whole:,} {unit}of {label}" if part < whole else f"all {whole:,} {unit}of {label}")
    return in_words(parts) if any(augmented[corpus] < clean[corpus] for corpus in labels) else ""
