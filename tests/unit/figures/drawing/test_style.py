import json
import re
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.lines import Line2D

from valence_gap.definitions.figures import Description
from valence_gap.definitions.values import DIMENSIONS, from_json
from valence_gap.figures.drawing import style
from valence_gap.figures.drawing.captions import Caption
from valence_gap.figures.drawing.steps import Steps, plot_table

CORPORA = {"msp-podcast": DIMENSIONS, "cmu-mosi": ("valence",)}


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
    light = sorted(map(style.luminance, colours[:3]))
    assert np.diff(light).min() > 0.15


def test_stacked_panels_share_a_scale_and_hold_their_values():
    figure = style.new_figure(3, 3, Caption("", ""))
    panels = style.stacked_panels(figure, [(0.0, 0.9), (-0.4, 0.6), (0.0, 0.1)])
    limits = [axes.get_ylim() for axes in panels]
    assert all(low < value < high for (low, high), value in zip(limits, (0.9, -0.4, 0.1), strict=True))
    figure.draw_without_rendering()
    scales = [(high - low) / axes.get_position().height for axes, (low, high) in zip(panels, limits, strict=True)]
    np.testing.assert_allclose(scales, scales[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("values", "logarithmic"), [((7.5, 12.5, 25, 50, 75, 100), True), (tuple(range(2, 25, 2)), False)]
)
def test_the_steps_of_the_paper_fit_on_the_axis(values, logarithmic):
    corpora = [{"name": name, "label": name, "dimensions": list(names)} for name, names in CORPORA.items()]
    models = [{"name": "m", "label": "m", "colour": "#009e73"}]
    description = from_json(Description, json.dumps({"models": models, "corpora": corpora}))
    rows = [
        (corpus, dimension, step, 0.1 * place, 0.1 * place - 0.2, 0.1 * place + 0.2, "1=0.1")
        for corpus, dimensions in CORPORA.items()
        for dimension in dimensions
        for place, step in enumerate(values)
    ]
    table = pd.DataFrame(rows, columns=["corpus", "dimension", "step", "ccc", "low", "high", "by_seed"])
    steps = Steps({str(value): value for value in values}, "x", "", logarithmic)
    with style.style_context():
        figure = plot_table(table, description, steps, Caption("title", "subtitle"))
        figure.draw_without_rendering()
    lowest = figure.axes[-1]
    assert lowest.get_xticks().tolist() == list(values)
    assert lowest.get_xscale() == ("log" if logarithmic else "linear")
    boxes = [label.get_window_extent() for label in lowest.get_xticklabels() if label.get_text()]
    assert len(boxes) == len(values)
    assert all(one.x1 + 2 < other.x0 for one, other in pairwise(boxes))
    # The intervals of one step are side by side, closer to each other than to those of other steps.
    shown = [
        [lowest.transData.transform((one[0][0], 0))[0] for one in part.get_segments()] for part in lowest.collections
    ]
    assert len(shown) == len(CORPORA)
    beside = np.abs(np.diff(np.array(shown), axis=0))
    assert beside.min() > 1
    assert beside.max() < np.diff(np.array(shown), axis=1).min() / 2


def test_axes_of_cccs_are_never_narrow():
    assert style.value_range([0.001, np.nan]) == (-0.1, 1.0)
    assert style.value_range([-0.4], [1.2]) == (-0.4, 1.2)
    assert style.value_range([0.01], least=style.DIFFERENCE_RANGE) == (-0.2, 0.2)


def test_models_can_be_distinguished_without_colour():
    """By their markers and dashes, for as many models as the paper compares."""
    assert len(set(style.MARKERS)) == len(style.MARKERS) > 8
    assert len({style.marker_of(place) for place in range(8)}) == 8
    assert len({style.dash_of(place) for place in range(4)}) == 4


@pytest.mark.parametrize("width", [style.COLUMN_IN, style.PAGE_IN])
def test_words_legend_and_panels_do_not_overlap(width):
    caption = Caption("A title that is long enough for two lines " * 2, "a subtitle " * 20, "a foot " * 40, "note")
    with style.style_context():
        figure = style.new_figure(width, 2, caption)
        figure.set_dpi(style.PARAMETERS["savefig.dpi"])
        axes = figure.subplots(1, 2)
        axes[0].set_xlabel("a label")
        style.add_legend(figure, [Line2D([], [], label="one"), Line2D([], [], label="two")], 2)
        figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.texts]
    boxes += [part.get_tightbbox() for part in (*axes, *figure.legends)]
    assert all(not one.overlaps(other) for one, other in combinations(boxes, 2) if one is not other)
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width and box.y0 >= 0 for box in boxes)
