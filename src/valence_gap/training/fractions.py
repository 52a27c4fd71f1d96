"""Nested fractions of a training set, in which each speaker keeps its share (paper, section V-C)."""

from hashlib import blake2b

import numpy as np
import pandas as pd

from valence_gap.runtime.errors import UserError

HASH_BYTES = 16


def select(utterances: pd.DataFrame, fraction: float, *, seed: int) -> list[str]:
    """The utterances of a fraction of the training set.

    Each speaker's utterances are put in an order of their own, drawn by ``seed``, and spread evenly over 0..1 from an
    offset that is itself spread evenly over the speakers; what lies below ``fraction`` is selected. So a smaller
    fraction is part of every larger one, each speaker gives its share to within one utterance, and neither depends on
    the order of the table. Utterances of unknown speakers count as one speaker's.

    Args:
        utterances: columns ``id`` and ``speaker`` (null where unknown).
        fraction: fraction of the utterances, above 0 and up to 1.
        seed: seed of the selection.

    Returns:
        The selected ids, in the order of the table.

    Raises:
        UserError: if the fraction is so small that it selects nothing.
    """
    ids = utterances["id"].astype(str)
    known = utterances["speaker"].notna()
    # A known speaker may be called anything, so the unknown one needs a name that none of them can have.
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
            f"a fraction of {fraction:g} of {len(ids)} training utterances holds none of them",
            remedy="choose a greater fraction",
        )
    return selected.tolist()


def _hash(seed: int, text: str) -> str:
    return blake2b(f"{seed}:{text}".encode(), digest_size=HASH_BYTES).hexdigest()
