import numpy as np

from valence_gap.pretraining.word_vectors import word_vectors

GOOD, BAD, FRAME = range(2, 8), range(8, 14), (14, 15)


def test_words_that_occur_together_have_similar_vectors() -> None:
    random = np.random.default_rng(0)
    texts = []
    for _ in range(1000):
        side = GOOD if random.random() < 0.5 else BAD
        texts.append(np.array([0, *random.permutation([*random.choice(side, 3, replace=False), *FRAME]), 1]))
    vectors = word_vectors(texts, 16, 4, special_count=2)
    assert vectors.shape == (16, 4)
    assert abs(vectors.std() - 1) < 1e-5
    assert np.abs(vectors[:2]).max() < 1e-4
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    alike = units @ units.T
    within = (alike[2:8, 2:8].mean() + alike[8:14, 8:14].mean()) / 2
    assert within > alike[2:8, 8:14].mean() + 0.4


def test_fewer_word_pieces_than_values_leave_zeros() -> None:
    vectors = word_vectors([np.array([1, 2]), np.array([2, 3])], 4, 6, special_count=1)
    assert np.isfinite(vectors).all()
    assert not vectors[:, 4:].any()
