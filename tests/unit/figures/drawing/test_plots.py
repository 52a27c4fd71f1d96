import json

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from valence_gap.definitions.figures import Description
from valence_gap.definitions.values import from_json
from valence_gap.figures.drawing import plots
from valence_gap.figures.drawing.captions import Caption

CAPTION = Caption("A title", "a line under it", "a foot", "miniature")


def described(*, miniature=True, **more):
    models = [{"name": "m", "label": "M", "colour": "#000000", "kind": "frozen"}]
    corpora = [{"name": "c", "label": "C", "miniature": miniature}]
    return from_json(Description, json.dumps({"models": models, "corpora": corpora} | more))


def drawing(table=None, published=None):
    rows = {"model": ["m", "m"], "ccc": [0.1, np.nan], "seeds": [1, 3], "borrowed_from": ["b, a", ""]}
    table = pd.DataFrame(rows | {"interval_covers": "utterances and seeds"}) if table is None else table
    shown = pd.DataFrame() if published is None else published
    return plots.Plot(Figure(figsize=(1, 1)), table, CAPTION, "what it shows", published=shown)


def test_nothing_is_written_if_writing_fails(tmp_path):
    class Broken(pd.DataFrame):
        def to_csv(self, *args, **kwargs):
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        plots.save(drawing(Broken()), tmp_path / "figure", described())
    assert not list(tmp_path.iterdir())


def test_words_are_written_beside_and_into_the_picture(tmp_path):
    theirs = pd.DataFrame({"quantity": ["CCC"], "model": ["m"], "value": [0.7]})
    plots.save(drawing(published=theirs), tmp_path / "figure_02", described())
    words = json.loads((tmp_path / "figure_02.json").read_text(encoding="utf-8"))
    assert words == {
        "figure": "figure_02",
        "title": "A title",
        "subtitle": "a line under it",
        "foot": "a foot",
        "note": "miniature",
        "alt": "what it shows",
        "models": [{"name": "m", "label": "M", "kind": "frozen"}],
        "corpora": [{"name": "c", "label": "C"}],
        "seeds": {"m": 3},
        "borrowed_from": ["a", "b"],
        "interval_covers": ["utterances and seeds"],
        "published": [{"quantity": "CCC", "model": "m", "value": 0.7}],
        "published_heading": "paper, human speech, not comparable",
        "published_drawn": False,
    }
    with Image.open(tmp_path / "figure_02.png") as picture:
        assert (picture.text["Title"], picture.text["Description"]) == ("A title", "what it shows")
    assert b"what it shows" in (tmp_path / "figure_02.pdf").read_bytes()


@pytest.mark.parametrize(
    ("miniature", "published", "heading"),
    [
        (True, False, "paper, human speech, not comparable"),
        (False, False, "paper, another test set, not comparable"),
        (False, True, "paper"),
    ],
)
def test_the_heading_says_whether_the_paper_can_be_compared(miniature, published, heading):
    theirs = pd.DataFrame({"quantity": ["CCC"], "model": ["m"], "value": [0.7]})
    words = plots.record(drawing(published=theirs), "x", described(miniature=miniature, published=published))
    assert (words["published_heading"], words["published_drawn"]) == (heading, published)
