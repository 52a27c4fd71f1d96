from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from nltk.metrics.distance import edit_distance

from valence_gap.text.spelling import Lexicon

WORDS = ("THE", "CAT", "CAR", "SPLENDIDLY", "IT'S", "A")
words = st.text("ABCT'", min_size=1, max_size=8)


@given(words, st.lists(words, min_size=1, max_size=6, unique=True))
def test_distances_are_edit_distances(word: str, lexicon: list[str]) -> None:
    found = Lexicon(lexicon)._distances(word)
    np.testing.assert_array_equal(found, [edit_distance(word, each) for each in lexicon])


def test_words_are_corrected_to_the_nearest_one() -> None:
    lexicon = Lexicon(WORDS)
    assert lexicon.spell("THI KAT SPLENDYTLI ITS") == "THE CAT SPLENDIDLY IT'S"
    assert lexicon.spell("") == ""


def test_the_commoner_of_two_equally_near_words_is_taken() -> None:
    assert Lexicon(("CAT", "CAR")).spell("CAB") == "CAT"
    assert Lexicon(("CAR", "CAT")).spell("CAB") == "CAR"


def test_known_words_and_far_ones_are_left_unchanged() -> None:
    assert Lexicon(WORDS).spell("CAR QQQQQQ A") == "CAR QQQQQQ A"


def test_a_folder_without_a_lexicon_has_none(tmp_path: Path) -> None:
    assert Lexicon.read(tmp_path) is None
    (tmp_path / "lexicon.txt").write_text("CAT\nCAR\n")
    found = Lexicon.read(tmp_path)
    assert found is not None
    assert found.spell("CATT") == "CAT"
