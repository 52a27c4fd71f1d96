"""The page as a file."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_data import CORPORA, DESCRIPTION, SHOWN, embedded, page_of, write_results, write_study

from valence_gap.page.make import script_json
from valence_gap.runtime.errors import UserError


class Addresses(HTMLParser):
    """Collects what a page loads, and its ids."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.loaded += [given.get("src") or ""] if "src" in given else []
        self.loaded += [given.get("href") or ""] if tag == "link" else []
        self.ids += [given["id"] or ""] if "id" in given else []


def read(page: Path) -> Addresses:
    parser = Addresses()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


def test_the_page_loads_nothing(tmp_path: Path) -> None:
    found = read(write_study(tmp_path))
    assert len(found.loaded) > 10
    assert [address[:80] for address in found.loaded if not address.startswith("data:")] == []
    assert len(found.ids) == len(set(found.ids))


def test_the_page_names_the_paper_and_spells_ccc_out(tmp_path: Path) -> None:
    text = write_study(tmp_path).read_text(encoding="utf-8")
    assert "https://doi.org/10.1109/TPAMI.2023.3263585" in text
    assert "concordance correlation coefficient" in text
    assert "Paper, human speech, not comparable" in text


def test_the_tables_have_all_rows_of_the_files(tmp_path: Path) -> None:
    page = write_study(tmp_path)
    assert len(embedded(page, "claims")["rows"]) == len(pd.read_csv(tmp_path / "claims.csv"))
    assert len(embedded(page, "scores")["rows"]) == len(pd.read_csv(tmp_path / "scores.csv"))
    assert len(embedded(page, "utterances")["rows"]) == 60


def test_the_page_of_a_licensed_corpus_has_no_utterance(tmp_path: Path) -> None:
    licensed = tuple(replace(corpus, synthetic=False, rows=False, audio=False) for corpus in CORPORA)
    write_results(tmp_path, replace(DESCRIPTION, corpora=licensed))
    page = page_of(tmp_path, replace(DESCRIPTION, corpora=licensed))
    text = page.read_text(encoding="utf-8")
    assert "utterances-data" not in text
    assert "<audio" not in text
    assert "No utterance, label or transcript of MSP-Podcast, MOSI is shown" in " ".join(text.split())
    assert "not comparable" not in text


def test_a_study_of_figure_2_alone_has_a_page(tmp_path: Path) -> None:
    alone = replace(DESCRIPTION, targets={"figure_02": SHOWN})
    write_results(tmp_path, alone)
    found = read(page_of(tmp_path, alone))
    assert {"answer", "run", "limits", "figure_02", "scores", "glossary"} <= set(found.ids)
    assert not {"claims", "listen", "claims-data"} & set(found.ids)


def test_missing_results_are_named_and_no_page_is_written(tmp_path: Path) -> None:
    write_results(tmp_path)
    for name in ("figures/figure_02.png", "tables/table_1.md", "claims.json"):
        (tmp_path / name).unlink()
    with pytest.raises(UserError, match=r"(?s)figure_02\.png.*table_1\.md.*claims\.json"):
        page_of(tmp_path)
    assert not (tmp_path / "index.html").exists()


@given(st.recursive(st.text() | st.integers() | st.none(), lambda inner: st.lists(inner, max_size=3)))
def test_json_in_a_script_cannot_end_it_and_is_read_back(value: object) -> None:
    text = str(script_json({"a": value, "b": "</script><!--"}))
    assert "<" not in text
    assert json.loads(text)["a"] == value
