from hypothesis import given
from hypothesis import strategies as st

from valence_gap.definitions.models import Recipe
from valence_gap.preflight.evaluations import count_evaluations


@given(st.integers(2, 400), st.integers(2, 40), st.integers(1, 6), st.none() | st.integers(1, 60))
def test_evaluations_are_counted_as_a_training_makes_them(
    utterances: int, batch_size: int, epochs: int, every: int | None
) -> None:
    steps = -(-utterances // batch_size)
    made = {epoch * steps for epoch in range(1, epochs + 1)}
    made |= set(range(every, epochs * steps + 1, every)) if every else set()
    recipe = Recipe(batch_size=batch_size, epochs=epochs, evaluate_every=every)
    assert count_evaluations(recipe, utterances) == len(made)
