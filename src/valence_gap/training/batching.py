"""Selection of the training batches: each utterance once per epoch, with others of similar length or with any others.

The loss is a statistic of the whole batch (section III-B), so the rule matters beyond speed: within a batch of similar
lengths, the loss does not contain what differs between short and long utterances. The paper does not name its rule.
"""

import numpy as np
import numpy.typing as npt

from valence_gap.definitions.models import Recipe

Rows = npt.NDArray[np.int64]

BATCHES_PER_BUCKET = 4
MAX_BUCKETS = 20


def sorting_lengths(lengths: npt.NDArray[np.int64], recipe: Recipe, *, head_only: bool) -> npt.NDArray[np.int64]:
    """The lengths by which a recipe forms its batches: those of the utterances, or all equal to shuffle them.

    Args:
        lengths: length of each utterance, in any unit, (utterances,).
        recipe: with ``batches``.
        head_only: only a head is trained; its default is to shuffle.

    Returns:
        For ``epoch_batches``, (utterances,).
    """
    rule = recipe.batches or ("shuffled" if head_only else "by-length")
    return np.ones_like(lengths) if rule == "shuffled" else lengths


def epoch_batches(lengths: npt.NDArray[np.int64], batch_size: int, *, seed: int, epoch: int) -> list[Rows]:
    """Select the batches of one epoch, in the order of training.

    The utterances are sorted by length into buckets of equal size and shuffled inside each bucket. So a batch contains
    little padding, and its composition changes with each epoch. If all lengths are equal, a bucket is drawn at random,
    so that any utterances can be in one batch. One batch may be smaller than the others. If it had
    less than a quarter of ``batch_size``, its utterances join another batch, because the CCC of very few utterances is
    not informative.

    Args:
        lengths: length of each utterance, in any unit, (utterances,).
        batch_size: utterances in a batch.
        seed: seed of the training.
        epoch: number of the epoch; each epoch has another order.

    Returns:
        Rows of ``lengths`` for each batch; each row is in exactly one batch. The same arguments give the same batches.

    Raises:
        ValueError: there are fewer than two utterances, or fewer than two in a batch: these have no CCC.
    """
    count = len(lengths)
    if count < 2 or batch_size < 2:
        raise ValueError(f"batches of {batch_size} from {count} utterances: the CCC needs at least two utterances")
    random = np.random.default_rng([seed % 2**64, epoch])
    buckets = int(np.clip(count // (BATCHES_PER_BUCKET * batch_size), 1, MAX_BUCKETS))
    rank = np.empty(count, dtype=np.int64)
    rank[np.lexsort((random.random(count), lengths))] = np.arange(count)
    order = np.lexsort((random.random(count), rank * buckets // count))  # shuffled inside each bucket
    sizes = random.permutation(_sizes(count, batch_size))
    batches = np.split(order, np.cumsum(sizes)[:-1])
    return [batches[place] for place in random.permutation(len(batches))]


def _sizes(count: int, batch_size: int) -> list[int]:
    full, rest = divmod(count, batch_size)
    sizes = [batch_size] * full
    if not full or rest >= max(2, batch_size // 4):
        return [*sizes, rest] if rest else sizes
    sizes[-1] += rest
    return sizes
