"""What figures say about themselves, and how their marks can be distinguished."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from figure_study import described, write_figure_study

from valence_gap.figures import figure_02, figure_04, figure_06, figure_07, figure_08
from valence_gap.figures.drawing import style


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_figure_study(tmp_path_factory.mktemp("study"))


def test_bars_are_named_beside_them_and_their_axes_are_never_narrow(study):
    """So they can be read without colour, and small numbers do not look large."""
    first, *others = figure_02.plot(study, described()).figure.axes
    assert [label.get_text() for label in first.get_yticklabels()] == ["cnn14", "w2v2-b"]
    limits = [axes.get_xlim() for axes in (first, *others) if axes.axison]
    assert all(low <= -0.1 and high >= 1 for low, high in limits)


def test_the_alternative_text_has_the_numbers(study):
    drawing = figure_02.plot(study, described())
    rows = drawing.table.query("corpus == 'cmu-mosi'").sort_values("ccc")
    ends = " to ".join(f"{row.model} {style.format_ccc(row.ccc)}" for row in rows.itertuples())
    assert f"CMU-MOSI, sentiment: {ends}." in drawing.alt
    assert "of the CCC of 2 models in 4 panels" in drawing.alt


def test_figure_04_says_which_utterances_it_shows(study):
    fields = {"w2v2-b": {"backbone": "b"}, "w2v2-b-frozen": {"backbone": "b", "frozen": True}}
    drawing = figure_04.plot(study, described(("w2v2-b", "w2v2-b-frozen"), ("msp-podcast",), fields))
    assert "(30 of MSP-PODCAST), so the original bars differ from those of Figure 2" in drawing.caption.subtitle
    assert (drawing.table.samples == 30).all()


def test_models_of_figure_08_differ_in_shape(study):
    figure = figure_08.plot(study, described(corpora=("msp-podcast",))).figure
    shapes = [line.get_marker() for line in figure.legends[0].get_lines()[:2]]
    drawn = {line.get_marker() for line in figure.axes[0].lines if len(line.get_ydata()) == 4}
    assert len(set(shapes)) == 2
    assert set(shapes) <= drawn


@pytest.mark.parametrize("count", [4, 25, 26, 50, 65])
def test_names_of_speakers_do_not_overlap(study, count):
    description = described(corpora=("msp-podcast",))
    drawing = figure_08.plot(study, description)
    one = drawing.table[drawing.table["speaker"] == drawing.table["speaker"].iloc[0]]
    names = [str(7000 + number) for number in range(count)]
    table = pd.concat([one.assign(speaker=name, place=place) for place, name in enumerate(names)])
    with style.style_context():
        figure = figure_08._plot(table, names, description, drawing.caption)
        figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[-1].get_xticklabels()]
    assert len(boxes) == count
    assert all(not left.overlaps(right) for left, right in pairwise(boxes))


def test_figures_draw_published_values_where_requested(study):
    description = described(published=True)
    average = figure_07.plot(study, description).table.query("corpus == 'average'").set_index("model")
    assert average.published["cnn14"] == -0.043
    assert "(paper −.05)" in figure_06.plot(study, described(published=True)).caption.foot
    assert "(paper" not in figure_06.plot(study, described()).caption.foot
    assert (
        "(paper .72 to .96)" in figure_08.plot(study, described(corpora=("msp-podcast",), published=True)).caption.foot
    )


def test_figure_08_marks_single_seeds(study):
    drawing = figure_08.plot(study, described(corpora=("msp-podcast",)))
    rows = drawing.table.query("dimension == 'arousal'")
    lines = [line.get_ydata() for line in drawing.figure.axes[0].lines if line.get_linestyle() == "None"]
    repeated = rows[rows.model == "cnn14"]
    assert (repeated.seeds == 2).all()
    assert (repeated.minimum < repeated.maximum).all()
    expected = [*rows.ccc, *repeated.minimum, *repeated.maximum]
    np.testing.assert_allclose(np.sort(np.concatenate(lines)), np.sort(expected))
