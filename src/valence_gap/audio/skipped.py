"""Utterances whose audio is bad and was left out of the pack (``on_bad_audio: skip``): nothing is asked of them."""

from pathlib import Path

import pandas as pd

from valence_gap.runtime.progress import log_line


def skipped_ids(ids: "pd.Series[str]", index: Path | None, corpus: str) -> frozenset[str]:
    """The utterances of a test set that its clean pack lacks; their number is said.

    Args:
        ids: all utterances of the test set.
        index: ``index.parquet`` of its clean pack; None where bad audio is not skipped, so that nothing is lacking.
        corpus: name of the corpus.
    """
    if index is None:
        return frozenset()
    pack_ids = set(pd.read_parquet(index, columns=["id"])["id"])
    skipped = frozenset(ids) - pack_ids
    if skipped:
        log_line(f"{corpus}: {len(skipped)} of {len(ids)} utterances have bad audio and were skipped, left out")
    return skipped


def drop_skipped(skipped: frozenset[str], table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table with ``id`` that are of other utterances."""
    return table[~table["id"].isin(skipped)].reset_index(drop=True) if skipped else table
