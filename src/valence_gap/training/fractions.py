"""Nested fractions of a training set that keep the share of each speaker (paper, section V-C)."""

from hashlib import blake2b

import numpy as np
import pandas as pd

from valence_gap.runtime.errors import UserError

HASH_BYTES = 16


def select(utterances: pd.DataFrame, fraction: float, *, seed: int) -> list[str]:
    """Select the utterances of a fraction of the training set.

    The utterances of each speaker are put in a random order, drawn with ``seed``, and get positions with equal
    distances in 0..1. The first position of each speaker is an offset; the offsets of all speakers are also spread
    evenly. Utterances with a position below ``fraction`` are selected. So a larger fraction contains every smaller one,
    and each speaker contributes its share to within one utterance. Both hold for any order of the table. All utterances
    of unknown speakers count as those of one speaker.

    Args:
        utterances: columns ``id`` and ``speaker`` (null where unknown).
        fraction: fraction of the utterances, above 0 and up to 1.
        seed: seed of the selection.

    Returns:
        The selected ids, in the order of the table.

    Raises:
        UserError: the fraction is so small that it selects no utterance.
    """
    ids = utterances["id"].astype(str)
    known = utterances["speaker"].notna()
    # A known speaker can have any name. The prefix keeps it different from the name for unknown speakers.
    speakers = ("known:" + utterances["speaker"].astype(str)).where(known, "unknown")
    names = sorted(speakers.unique(), key=lambda name: _hash(seed, name))
    offsets = pd.Series((np.arange(len(names)) + 0.5) / max(len(names), 1), index=names)
    table = pd.DataFrame({"id": ids, "speaker": speakers, "hash": [_hash(seed, each) for each in ids]})
    table = table.sort_values(["hash", "id"])
    by_speaker = table.groupby("speaker")["id"]
    position = (by_speaker.cumcount() + table["speaker"].map(offsets)) / by_speaker.transform("size")
    selected = ids[(position < fraction).reindex(ids.index)]
    if selected.empty:
        raise UserError(
            f"a fraction of {fraction:g} of {len(ids)} training utterances contains no utterance",
            remedy="Choose a larger fraction.",
        )
    return selected.tolist()


def _hash(seed: int, text: str) -> str:
    return blake2b(f"{seed}:{text}".encode(), digest_size=HASH_BYTES).hexdigest()
