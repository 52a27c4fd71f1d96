import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valence_gap.runtime.errors import UserError
from valence_gap.training.fractions import select

FRACTIONS = st.floats(0.05, 1.0)


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    counts = draw(st.lists(st.integers(1, 30), min_size=1, max_size=12))
    names = [None if i == 0 and draw(st.booleans()) else f"speaker {i}" for i in range(len(counts))]
    speakers = [name for name, count in zip(names, counts, strict=True) for _ in range(count)]
    return pd.DataFrame({"id": [f"u{i}" for i in range(len(speakers))], "speaker": pd.array(speakers, dtype="str")})


def chosen(table: pd.DataFrame, fraction: float, seed: int = 0) -> set[str]:
    try:
        return set(select(table, fraction, seed=seed))
    except UserError:
        return set()


@settings(max_examples=60, deadline=None)
@given(table=tables(), small=FRACTIONS, large=FRACTIONS, seed=st.integers(0, 3))
def test_a_fraction_contains_the_smaller_ones(table: pd.DataFrame, small: float, large: float, seed: int) -> None:
    small, large = sorted((small, large))
    assert chosen(table, small, seed) <= chosen(table, large, seed)


@settings(max_examples=60, deadline=None)
@given(table=tables(), fraction=FRACTIONS, seed=st.integers(0, 3))
def test_each_speaker_contributes_its_share(table: pd.DataFrame, fraction: float, seed: int) -> None:
    selected = table["id"].isin(chosen(table, fraction, seed))
    groups = table.assign(selected=selected).groupby("speaker", dropna=False)["selected"]
    assert ((groups.sum() - fraction * groups.size()).abs() < 1).all()


@settings(max_examples=30, deadline=None)
@given(table=tables(), fraction=FRACTIONS)
def test_the_order_of_the_table_does_not_matter(table: pd.DataFrame, fraction: float) -> None:
    shuffled = table.sample(frac=1, random_state=1)
    assert chosen(table, fraction) == chosen(shuffled, fraction)


@given(table=tables())
def test_the_whole_is_everything_in_the_order_of_the_table(table: pd.DataFrame) -> None:
    assert select(table, 1.0, seed=0) == table["id"].tolist()


@pytest.mark.parametrize("fraction", [0.05, 0.25, 0.75])
def test_a_fraction_has_its_size_even_if_every_speaker_has_one_utterance(fraction: float) -> None:
    table = pd.DataFrame({"id": [f"u{i}" for i in range(400)], "speaker": [f"s{i}" for i in range(400)]})
    assert len(select(table, fraction, seed=0)) == 400 * fraction


def test_seeds_draw_different_utterances() -> None:
    table = pd.DataFrame({"id": [f"u{i}" for i in range(100)], "speaker": np.repeat(["a", "b"], 50)})
    assert chosen(table, 0.5, seed=0) != chosen(table, 0.5, seed=1)


def test_an_empty_fraction_is_refused() -> None:
    table = pd.DataFrame({"id": ["a"], "speaker": ["x"]})
    with pytest.raises(UserError, match="larger fraction"):
        select(table, 0.1, seed=0)
