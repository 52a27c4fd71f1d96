from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valence_gap.definitions.models import Recipe
from valence_gap.training.batching import epoch_batches, sorting_lengths

CASES = {
    "count": st.integers(2, 400),
    "batch_size": st.integers(2, 40),
    "seed": st.integers(-5, 5),
    "epoch": st.integers(1, 50),
}


def lengths_of(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(20, 500, count)


@settings(max_examples=100, deadline=None)
@given(**CASES)
def test_every_utterance_is_in_an_epoch_once(count: int, batch_size: int, seed: int, epoch: int) -> None:
    batches = epoch_batches(lengths_of(count), batch_size, seed=seed, epoch=epoch)
    assert sorted(np.concatenate(batches)) == list(range(count))


@settings(max_examples=100, deadline=None)
@given(**CASES)
def test_all_but_one_batch_are_full_and_none_is_too_small(count: int, batch_size: int, seed: int, epoch: int) -> None:
    sizes = sorted(len(rows) for rows in epoch_batches(lengths_of(count), batch_size, seed=seed, epoch=epoch))
    odd = [size for size in sizes if size != batch_size]
    assert len(odd) <= 1
    assert min(sizes) >= min(count, max(2, batch_size // 4))
    assert max(sizes) < batch_size + max(2, batch_size // 4)


@settings(max_examples=30, deadline=None)
@given(**CASES)
def test_the_same_arguments_give_the_same_batches(count: int, batch_size: int, seed: int, epoch: int) -> None:
    once, again = (epoch_batches(lengths_of(count), batch_size, seed=seed, epoch=epoch) for _ in range(2))
    assert [rows.tolist() for rows in once] == [rows.tolist() for rows in again]


def test_epochs_and_seeds_differ() -> None:
    lengths = lengths_of(200)
    orders = {
        tuple(np.concatenate(epoch_batches(lengths, 16, seed=seed, epoch=epoch)))
        for seed in range(3)
        for epoch in range(3)
    }
    assert len(orders) == 9


def test_the_utterances_of_a_batch_change_even_where_all_lengths_are_equal() -> None:
    batches = [epoch_batches(np.full(64, 100), 16, seed=0, epoch=epoch) for epoch in (1, 2)]
    assert {frozenset(rows) for rows in batches[0]} != {frozenset(rows) for rows in batches[1]}


def test_little_of_a_batch_is_padding() -> None:
    lengths = lengths_of(2000)

    def padded(batches: list[np.ndarray]) -> float:
        return sum(len(rows) * lengths[rows].max() for rows in batches) / lengths.sum() - 1

    unsorted = np.split(np.random.default_rng(0).permutation(2000), 125)
    assert padded(epoch_batches(lengths, 16, seed=0, epoch=1)) < padded(unsorted) / 4


@pytest.mark.parametrize(("count", "batch_size"), [(0, 8), (1, 8), (8, 1)])
def test_batches_without_ccc_are_refused(count: int, batch_size: int) -> None:
    with pytest.raises(ValueError, match="needs at least two utterances"):
        epoch_batches(lengths_of(count), batch_size, seed=0, epoch=1)


@given(st.integers(2, 60), st.integers(0, 2**32), st.sampled_from(["by-length", "shuffled", None]), st.booleans())
def test_the_lengths_that_batches_are_sorted_by(
    count: int, seed: int, rule: Literal["by-length", "shuffled"] | None, head_only: bool
) -> None:
    lengths = np.random.default_rng(seed).integers(1, 1000, count)
    found = sorting_lengths(lengths, Recipe(batches=rule), head_only=head_only)
    shuffled = rule == "shuffled" or (rule is None and head_only)
    assert np.array_equal(found, np.ones(count) if shuffled else lengths)


def test_shuffled_batches_mix_short_and_long_utterances() -> None:
    lengths = np.arange(1, 641)
    spreads = {
        rule: np.mean([np.ptp(lengths[rows]) for rows in epoch_batches(sorted_by, 16, seed=0, epoch=1)])
        for rule, sorted_by in (("by-length", lengths), ("shuffled", np.ones_like(lengths)))
    }
    assert spreads["by-length"] < 100 < 500 < spreads["shuffled"]
