"""Figures and tables on the page."""

import base64
from pathlib import Path

import pytest
from page_data import CAPTIONS, CLAIMS_FILE, DESCRIPTION, write_results

from valence_gap.definitions.registry import FIGURES, TABLES
from valence_gap.page.figures import TITLES, blocks, caption, markdown
from valence_gap.page.results import read_results
from valence_gap.runtime.files import write_json


def test_every_figure_and_table_has_a_title_and_every_figure_a_caption() -> None:
    assert set(TITLES) == {*FIGURES, *TABLES}
    assert all(caption(CAPTIONS / f"{name}.rst", "mine").startswith("<") for name in FIGURES)


def test_a_caption_is_html_and_names_the_study(tmp_path: Path) -> None:
    path = tmp_path / "x.rst"
    path.write_text('CCC < 1, *emphasised*. Study: {{ snakemake.config["study"] }}.\n')
    text = caption(path, "mine")
    assert "CCC &lt; 1, <em>emphasised</em>. Study: mine." in text
    assert caption(tmp_path / "missing.rst", "mine") == ""


def test_a_figure_has_picture_words_statements_and_numbers(tmp_path: Path) -> None:
    write_results(tmp_path)
    (tmp_path / "figures/figure_02_more.csv").write_text("a\n1\n")
    figure, table = blocks(read_results(tmp_path, DESCRIPTION), CAPTIONS, CLAIMS_FILE)
    assert (figure.number, table.number) == ("Figure 2", "Table I")
    content = base64.b64decode(figure.picture.removeprefix("data:image/png;base64,"))
    assert content == (tmp_path / "figures/figure_02.png").read_bytes()
    assert [file.name for file in figure.downloads] == ["figure_02.csv", "figure_02_more.csv"]
    assert figure.counts == {"supported": 1, "contradicted": 1, "inconclusive": 2}
    assert figure.sections[0] == "IV-A The valence gap"
    assert "<td" in table.table
    assert "&lt;1" in table.table


def test_the_description_beside_a_figure_is_used(tmp_path: Path) -> None:
    write_results(tmp_path)
    published = [{"model": "cnn14", "ccc": 0.248}]
    about = {"title": "Own title", "subtitle": "What is shown", "alt": "Bars.", "published": published}
    write_json(tmp_path / "figures/figure_02.json", about)
    figure = blocks(read_results(tmp_path, DESCRIPTION), CAPTIONS, CLAIMS_FILE)[0]
    assert (figure.title, figure.subtitle, figure.alt) == ("Own title", "What is shown", "Bars.")
    assert figure.published == published


@pytest.mark.parametrize("text", ["a <script>alert(1)</script>", "| a |\n| - |\n| <b>x</b> |"])
def test_html_in_markdown_is_shown_as_text(text: str) -> None:
    assert "<script" not in markdown(text)
    assert "<b>" not in markdown(text)
