"""The draw of the utterances that the augmented conditions are applied to."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from valence_gap.audio.subsets import covered, drawn_rows

IDS = st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=30)


def drawn(ids: list[str], seed: int, number: int | None) -> set[str]:
    return {ids[row] for row in drawn_rows(ids, seed, number)}


@given(ids=IDS, seed=st.integers(0, 99), numbers=st.tuples(st.integers(1, 40), st.integers(1, 40)))
def test_a_larger_subset_contains_the_smaller_one(ids: list[str], seed: int, numbers: tuple[int, int]) -> None:
    fewer, more = sorted(numbers)
    assert drawn(ids, seed, fewer) <= drawn(ids, seed, more)
    assert len(drawn(ids, seed, fewer)) == covered(fewer, len(ids)) == min(fewer, len(ids))


@given(ids=IDS, data=st.data(), number=st.integers(1, 30))
def test_the_order_does_not_matter_and_rows_keep_it(ids: list[str], data: st.DataObject, number: int) -> None:
    shuffled = data.draw(st.permutations(ids))
    assert drawn(shuffled, 1, number) == drawn(ids, 1, number)
    assert drawn_rows(shuffled, 1, number) == sorted(drawn_rows(shuffled, 1, number))


@given(ids=IDS.filter(bool), number=st.integers(1, 30), data=st.data())
def test_one_utterance_less_lets_at_most_one_other_in(ids: list[str], number: int, data: st.DataObject) -> None:
    removed = data.draw(st.sampled_from(ids))
    before, after = drawn(ids, 1, number), drawn([name for name in ids if name != removed], 1, number)
    assert before - {removed} <= after
    assert len(after - before) <= (removed in before)


@given(ids=IDS, more=st.integers(0, 5))
def test_none_and_large_numbers_are_the_whole_test_set(ids: list[str], more: int) -> None:
    assert drawn_rows(ids, 1, None) == drawn_rows(ids, 1, len(ids) + more) == [*range(len(ids))]


def test_the_draw_is_fixed_and_the_seed_draws_another_one() -> None:
    ids = [f"u{row:04}" for row in range(1000)]
    by_hand = sorted(ids, key=lambda name: sha256(f'[42,"augmented utterances","{name}"]'.encode()).digest())
    assert drawn(ids, 42, 3) == {*by_hand[:3]} == {"u0350", "u0567", "u0782"}
    shares = [len(drawn(ids, seed, 400) & drawn(ids, seed + 1, 400)) / 400 for seed in range(5)]
    assert all(0.3 < share < 0.5 for share in shares)  # as two independent draws of 40 % have in common


def test_speakers_have_their_shares_of_a_random_draw() -> None:
    ids = [f"speaker{row % 50}-{row}" for row in range(1000)]
    counts = [sum(name.startswith(f"speaker{one}-") for name in drawn(ids, 42, 400)) for one in range(50)]
    assert min(counts) >= 1
    assert max(counts) <= 16  # of 20; the mean is 8
