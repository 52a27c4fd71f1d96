"""Word vectors from co-occurrence counts."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.sparse


def word_vectors(
    tokens: Sequence[npt.NDArray[np.int64]], vocabulary: int, hidden: int, *, special_count: int
) -> npt.NDArray[np.float32]:
    """Compute word vectors by factorisation of co-occurrences (Levy and Goldberg, 2014).

    A miniature sees each word too few times to learn from random embeddings which words are similar.

    Args:
        tokens: word pieces of each text.
        vocabulary: number of word pieces.
        hidden: length of a vector.
        special_count: number of special word pieces, the first of the vocabulary; their co-occurrences are ignored.

    Returns:
        (vocabulary, hidden), of unit variance over all values: the leading eigenvectors of the positive pointwise
        mutual information of occurring in the same text, each multiplied by the square root of its eigenvalue.
    """
    texts = np.repeat(np.arange(len(tokens)), [len(each) for each in tokens])
    places = (texts, np.concatenate(tokens))
    occurs = scipy.sparse.csr_matrix((np.ones(len(texts)), places), shape=(len(tokens), vocabulary))
    together = np.asarray((occurs.T @ occurs).todense())
    np.fill_diagonal(together, 0)
    together[:special_count] = together[:, :special_count] = 0
    counts = together.sum(axis=0)
    expected = np.outer(counts, counts) / max(1.0, counts.sum())
    ratio = np.divide(together, expected, out=np.ones_like(together), where=together > 0)
    values, vectors = np.linalg.eigh(np.log(np.maximum(ratio, 1)))
    leading = np.argsort(-np.abs(values), kind="stable")[:hidden]
    found = np.zeros((vocabulary, hidden))
    found[:, : len(leading)] = vectors[:, leading] * np.sqrt(np.abs(values[leading]))
    return np.asarray(found / max(float(found.std()), 1e-6), dtype=np.float32)
