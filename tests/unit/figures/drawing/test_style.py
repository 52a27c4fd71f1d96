import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from valence_gap.definitions.figures import Description
from valence_gap.definitions.values import DIMENSIONS, from_json
from valence_gap.figures.drawing import style
from valence_gap.figures.drawing.steps import plot_table

CORPORA = {"msp-podcast": DIMENSIONS, "cmu-mosi": ("valence",)}


def test_nothing_is_written_if_writing_fails(tmp_path):
    class Broken(pd.DataFrame):
        def to_csv(self, *args, **kwargs):
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        style.save(style.Plot(Figure(), Broken()), tmp_path / "figure")
    assert not list(tmp_path.iterdir())


def test_the_note_is_shown_on_the_figure():
    assert style.new_figure(2, 2, "miniature study").get_suptitle() == "miniature study"


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [
        (0.745, False, ".74"),
        (-0.03, False, "−.03"),
        (0.1, True, "+.10"),
        (1.0, False, "1.00"),
        (-0.004, False, ".00"),
        (0.0, True, ".00"),
        (-0.005001, False, "−.01"),
        (np.nan, True, "n/a"),
    ],
)
def test_numbers_are_written_as_in_the_paper(value, signed, text):
    assert style.format_ccc(value, signed=signed) == text


def test_crowded_tick_labels_are_thinned():
    assert style.thinned_tick_labels([-0.4, -0.2, 0.0, 0.2], 0.1) == ["−.4", "", "0", ""]
    assert style.thinned_tick_labels([-0.2, 0.0, 0.2, 0.4], 0.14) == ["−.2", "0", ".2", ".4"]
    assert style.thinned_tick_labels([0.0, 0.5], 0.4) == ["0", ".5"]
    assert style.thinned_tick_labels([], 0.1) == []


def test_no_corpus_has_the_colour_of_a_model():
    root = Path(__file__).parents[4]
    texts = [path.read_text(encoding="utf-8") for path in [root / "config.yaml", *root.glob("workflow/presets/*.yaml")]]
    models = {colour.lower() for colour in re.findall(r'colour: "(#[0-9a-fA-F]{6})"', "".join(texts))}
    assert {"#0072b2", "#332288", "#7b3294"} < models  # of the miniature, of beyond.yaml, of paper.yaml
    assert models.isdisjoint(colour for colour, _ in style.CORPORA)


def test_corpora_can_be_distinguished_without_colour():
    """By their markers, and by the lightness that a colour has in a grey copy."""
    colours, markers = zip(*style.CORPORA, strict=True)
    assert len(set(markers)) == len(markers)
    light = sorted(np.dot(to_rgb(colour), (0.299, 0.587, 0.114)) for colour in colours[:3])
    assert np.diff(light).min() > 0.15


def test_stacked_panels_share_a_scale_and_hold_their_values():
    figure = style.new_figure(3, 3, "")
    panels = style.stacked_panels(figure, [(0.0, 0.9), (-0.4, 0.6), (0.0, 0.1)])
    limits = [axes.get_ylim() for axes in panels]
    assert all(low < value < high for (low, high), value in zip(limits, (0.9, -0.4, 0.1), strict=True))
    figure.draw_without_rendering()
    scales = [(high - low) / axes.get_position().height for axes, (low, high) in zip(panels, limits, strict=True)]
    np.testing.assert_allclose(scales, scales[0], rtol=1e-6)


@pytest.mark.parametrize("steps", [(7.5, 12.5, 25, 50, 75, 100), tuple(range(2, 25, 2))])
def test_the_steps_of_the_paper_fit_on_the_axis(steps):
    corpora = [{"name": name, "label": name, "dimensions": list(names)} for name, names in CORPORA.items()]
    models = [{"name": "m", "label": "m", "colour": "#009e73"}]
    description = from_json(Description, json.dumps({"models": models, "corpora": corpora}))
    rows = [
        (corpus, dimension, step, 0.1 * place, 0.1 * place - 0.2, 0.1 * place + 0.2)
        for corpus, dimensions in CORPORA.items()
        for dimension in dimensions
        for place, step in enumerate(steps)
    ]
    table = pd.DataFrame(rows, columns=["corpus", "dimension", "step", "ccc", "low", "high"])
    with style.style_context():
        figure = plot_table(table, description, "x")
        figure.draw_without_rendering()
    lowest = figure.axes[-1]
    assert np.unique(np.diff(lowest.get_xticks())).tolist() == [1]
    boxes = [label.get_window_extent() for label in lowest.get_xticklabels() if label.get_text()]
    assert len(boxes) == len(steps)
    assert all(one.x1 + 2 < other.x0 for one, other in pairwise(boxes))
    # The intervals of one step are side by side, closer to each other than to those of other steps.
    beside = [[segment[0][0] for segment in one.get_segments()] for one in lowest.collections]
    assert len(beside) == len(CORPORA)
    gaps = np.abs(np.diff(np.array(beside), axis=0))
    assert gaps.min() > 0.1
    assert gaps.max() < 0.5
