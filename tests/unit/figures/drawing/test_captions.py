import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.font_manager import FontProperties

from valence_gap.definitions.figures import Description, in_words
from valence_gap.definitions.values import from_json
from valence_gap.figures.drawing.captions import seeds_text, width_of, wrapped
from valence_gap.figures.intervals import mean_over_seeds

WORDS = st.lists(st.text("abcdeWM.,", min_size=1, max_size=12), min_size=1, max_size=30)


@settings(max_examples=40, deadline=None)
@given(WORDS, st.floats(0.5, 4), st.sampled_from([6.0, 8.0]))
def test_lines_keep_the_words_and_their_width(words, width, size):
    lines = wrapped(" ".join(words), width, size)
    assert " ".join(lines) == " ".join(words)
    font = FontProperties(family="DejaVu Sans", size=size)
    assert all(width_of(line, font) <= width for line in lines if " " in line)


def test_no_text_has_no_lines():
    assert wrapped("", 3, 6) == []


def test_names_in_words():
    assert [in_words(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


KINDS = {"a": "fine-tuned", "b": "fine-tuned", "c": "CNN14"}


def text_of(seeds, speakers=0.02):
    models = [{"name": name, "label": name.upper(), "colour": "#000000", "kind": KINDS[name]} for name in seeds]
    corpora = [{"name": "corpus", "label": "Corpus"}]
    description = from_json(Description, json.dumps({"models": models, "corpora": corpora}))
    rows = [("corpus", "valence", name, seed, 0.1 * seed) for name, count in seeds.items() for seed in range(count)]
    table = pd.DataFrame(rows, columns=["corpus", "dimension", "model", "seed", "ccc"])
    table = table.assign(se_utterances=0.01, se_speakers=speakers, speakers=10)
    return seeds_text(mean_over_seeds(table, KINDS, 0.95), description).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("seeds", "parts"),
    [
        ({"a": 1, "c": 1}, ["One training seed.", "speakers (the wider), without seeds: no model has a second one."]),
        ({"a": 3, "c": 3}, ["Bars are means over 3 training seeds, rings single seeds.", "and training seeds."]),
        ({"a": 3, "b": 1}, ["(A: 3 seeds; B: one seed)", "B: spread over seeds borrowed from A."]),
        ({"a": 2, "c": 1}, ["(A: 2 seeds; C: one seed)", "C: interval without seeds."]),
    ],
)
def test_a_figure_says_how_many_seeds_it_has_and_from_where_it_borrows(seeds, parts):
    text = text_of(seeds)
    assert all(part in text for part in parts), text
    assert "95 % interval over utterances or speakers" in text


def test_speakers_are_named_only_where_they_are_known():
    assert "over utterances and training seeds" in text_of({"a": 3}, float("nan"))
