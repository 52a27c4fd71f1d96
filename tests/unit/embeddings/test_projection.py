import numpy as np

from valence_gap.embeddings import projection


def test_projections_are_the_same_on_every_call():
    hidden = np.random.default_rng(0).standard_normal((40, 5))
    first, second = (projection.project(hidden, 0) for _ in range(2))
    assert (first == second).all()
    assert first.shape == (40, 2)
