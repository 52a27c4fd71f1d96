"""Utterances with bad audio, which the pack does not contain (``on_bad_audio: skip``): later stages skip them too."""

from pathlib import Path

import pandas as pd

from valence_gap.runtime.progress import log_line


def skipped_ids(ids: "pd.Series[str]", index: Path | None, corpus: str) -> frozenset[str]:
    """Return the utterances of a test set that its clean pack lacks, and log their number.

    Args:
        ids: all utterances of the test set.
        index: ``index.parquet`` of its clean pack; None where bad audio is not skipped, so that none is missing.
        corpus: name of the corpus.
    """
    if index is None:
        return frozenset()
    pack_ids = set(pd.read_parquet(index, columns=["id"])["id"])
    skipped = frozenset(ids) - pack_ids
    if skipped:
        log_line(f"{corpus}: {len(skipped)} of {len(ids)} utterances have bad audio and were skipped")
    return skipped


def drop_skipped(skipped: frozenset[str], table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table with ``id`` whose utterances were not skipped."""
    return table[~table["id"].isin(skipped)].reset_index(drop=True) if skipped else table
