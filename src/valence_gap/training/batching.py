"""Which utterances are trained on together: batches of like lengths, every utterance once in an epoch."""

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]

BATCHES_PER_BUCKET = 4
MAX_BUCKETS = 20


def epoch_batches(lengths: npt.NDArray[np.int64], batch_size: int, *, seed: int, epoch: int) -> list[Rows]:
    """Batches of one epoch, in the order in which they are trained on.

    The utterances are parted into buckets of equal size by their length and shuffled inside them, so that little of a
    batch is padding and yet an utterance meets others in each epoch. The one smaller batch may hold any lengths; with
    less than a quarter of ``batch_size`` it joins another, since the CCC of so few utterances says nothing.

    Args:
        lengths: length of each utterance, in any unit, (utterances,).
        batch_size: utterances in a batch.
        seed: seed of the training.
        epoch: number of the epoch; each has an order of its own.

    Returns:
        Rows of ``lengths`` for each batch; between them each row once. The same arguments give the same batches.

    Raises:
        ValueError: if there are fewer than two utterances, or fewer than two in a batch: these have no CCC.
    """
    count = len(lengths)
    if count < 2 or batch_size < 2:
        raise ValueError(f"batches of {batch_size} from {count} utterances: the CCC needs two at least")
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
