"""The fixed subset of a test set that the augmented conditions are applied to, where a study gives their number."""

import hashlib
from collections.abc import Sequence

from valence_gap.runtime.files import canonical_json

DRAW = "augmented utterances"


def covered(number: int | None, total: int) -> int:
    """How many utterances of a test set the augmented conditions cover.

    Args:
        number: as the study gives it; None: all.
        total: utterances of the test set, without those that were skipped for bad audio.
    """
    return total if number is None else min(number, total)


def drawn_rows(ids: Sequence[str], seed: int, number: int | None) -> list[int]:
    """Draw the utterances that the augmented conditions are applied to.

    Each utterance has a place that depends on the seed and its id alone, and those with the first places are drawn. So
    the order of the utterances does not matter, an utterance that is added or removed moves at most one other one in or
    out, and a larger number contains the smaller one. Nothing is balanced: a speaker has as many utterances in the
    subset as in a random draw.

    Args:
        ids: of all utterances of the test set.
        seed: seed of the conditions.
        number: how many are drawn; None, or more than there are: all.

    Returns:
        Their rows, in the order of ``ids``.
    """
    places = sorted(range(len(ids)), key=lambda row: _place(seed, ids[row]))
    return sorted(places[: covered(number, len(ids))])


def _place(seed: int, identifier: str) -> bytes:
    return hashlib.sha256(canonical_json([seed, DRAW, identifier]).encode()).digest()
