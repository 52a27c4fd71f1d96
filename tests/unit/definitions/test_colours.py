"""How colours are written, and that the default ones can be distinguished."""

import math
from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import CSS4_COLORS, to_rgb
from pydantic import TypeAdapter, ValidationError

from valence_gap.definitions.colours import DEFAULTS, Colour
from valence_gap.figures.drawing import style

COLOUR: TypeAdapter[str] = TypeAdapter(Colour)


@pytest.mark.parametrize("name", ["teal", "Teal", "rebeccapurple", "black"])
def test_a_name_is_the_colour_that_matplotlib_draws(name: str) -> None:
    assert COLOUR.validate_python(name) == CSS4_COLORS[name.lower()].lower()


def test_a_colour_in_hexadecimal_digits_stays_as_it_is_written() -> None:
    assert COLOUR.validate_python("#0072B2") == "#0072B2"


@pytest.mark.parametrize("text", ["", "#12345", "#1234567", "teel", "rgb(1,2,3)", "C0"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        COLOUR.validate_python(text)


def seen_by(kind: str, colour: str) -> list[float]:
    """A colour as readers without red (protan) or green (deutan) cones see it (Viénot, Brettel and Mollon, 1999)."""
    matrices = {
        "protan": ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)),
        "deutan": ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)),
    }
    linear = [((value + 0.055) / 1.055) ** 2.4 for value in to_rgb(colour)]
    return [float(np.clip(np.dot(row, linear), 0, 1) ** (1 / 2.4)) for row in matrices[kind]]


@pytest.mark.parametrize("kind", ["protan", "deutan"])
def test_colour_blind_readers_can_distinguish_the_default_colours(kind: str) -> None:
    def distance(first: str, second: str) -> float:
        return math.dist(seen_by(kind, first), seen_by(kind, second))

    assert distance("#d00000", "#7a5c00") < 0.13  # red and brown, which they confuse
    assert min(distance(*pair) for pair in combinations(DEFAULTS, 2)) > 0.14


def test_no_default_colour_is_that_of_a_corpus() -> None:
    assert set(DEFAULTS).isdisjoint(colour for colour, _ in style.CORPORA)
