"""The paper's statements on the page."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from page_data import CLAIMS_FILE, DESCRIPTION, claim, write_results

from valence_gap.definitions.claims_file import read_statements
from valence_gap.definitions.registry import FIGURES
from valence_gap.page.results import Results, read_results
from valence_gap.page.statements import (
    CLAIM_COLUMNS,
    NOT_EVALUATED,
    SECTIONS_OF,
    best_transformer,
    claim_rows,
    headlines,
    statements_of,
)


@pytest.fixture
def results(tmp_path: Path) -> Results:
    write_results(tmp_path)
    return read_results(tmp_path, DESCRIPTION)


def cell(given: dict[str, Any], name: str) -> Any:
    return claim_rows([given])[0][CLAIM_COLUMNS.index(name)]


def test_every_figure_has_sections_and_every_statement_a_figure_or_table() -> None:
    assert set(FIGURES) <= set(SECTIONS_OF)
    sections = {statement.section for statement in read_statements(CLAIMS_FILE)}
    assert sections <= {section for found in SECTIONS_OF.values() for section in found}


def test_statements_stand_at_the_figure_of_their_section(results: Results) -> None:
    found = statements_of("figure_02", results, CLAIMS_FILE)
    assert [row["words"] for row in found] == [f"In words, {name}." for name in ("leads", "falls", "open", "lacks")]
    assert statements_of("figure_07", results, CLAIMS_FILE) == []
    assert found[1]["shown"] == "−.300 [−.400, −.200]"


def test_statements_on_embeddings_stand_at_figure_10_alone(results: Results) -> None:
    rows = [claim("a", "supported", section="IV-K", quantity="separation"), claim("b", "supported", section="IV-K")]
    study = replace(results, claims={"claims": rows, "summary": ""})
    assert [row["quantity"] for row in statements_of("figure_09", study, CLAIMS_FILE)] == ["ccc"]
    assert [row["quantity"] for row in statements_of("figure_10", study, CLAIMS_FILE)] == ["separation"]


def test_a_study_without_claims_shows_the_statements_as_not_evaluated(results: Results) -> None:
    found = statements_of("figure_11", replace(results, claims=None), CLAIMS_FILE)
    assert len(found) >= 3
    assert {row["verdict"] for row in found} == {NOT_EVALUATED}
    assert headlines(replace(results, claims=None)) == []


def test_the_headlines_are_those_of_the_file(results: Results) -> None:
    assert [row["words"] for row in headlines(results)] == ["In words, leads."]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"verdict": "supported"}, "–"),
        ({"would_take": "would take 41 seeds instead of 3"}, "would take 41 seeds instead of 3"),
        ({"needs": {"utterances": {"msp-podcast": 1679}, "seeds": None}}, "1,679 utterances of msp-podcast"),
        ({"needs": {"utterances": {"a": 5}, "seeds": 4}}, "5 utterances of a and 4 training seeds"),
        ({"needs": {"utterances": None, "seeds": None}, "would_take": "no number decides it"}, "no number decides it"),
        ({"estimate": None, "why": "nobody has the role strong"}, "nobody has the role strong"),
        ({"why": "1 of 3 support it"}, "unknown"),
    ],
)
def test_what_would_settle_an_inconclusive_claim(given: dict[str, Any], text: str) -> None:
    assert cell(claim("x", given.pop("verdict", "inconclusive"), **given), "settles") == text


def test_seeds_are_shown_where_the_file_has_them() -> None:
    assert cell(claim("x", "supported"), "seeds") == ""
    assert cell(claim("x", "supported", seeds={"cnn14": 3, "w2v2-b": 1}), "seeds") == "1 to 3"
    assert cell(claim("x", "supported", seeds={"cnn14": 3}), "seeds") == "3"


@pytest.mark.parametrize(
    ("comparison", "text"),
    [
        ("greater", "> .10"),
        ("less", "< .10"),
        ("within", "within .05 of .10"),
        ("at least", "at least .10 (margin .05)"),
    ],
)
def test_the_claimed_side_is_in_words(comparison: str, text: str) -> None:
    assert cell(claim("x", "supported", comparison=comparison, threshold=0.1, margin=0.05), "claimed") == text


def test_a_statement_without_an_estimate_says_what_it_lacks(results: Results) -> None:
    rows = {row["words"]: row["lacks"] for row in statements_of("figure_02", results, CLAIMS_FILE)}
    assert {words: text for words, text in rows.items() if text} == {"In words, lacks.": "nobody has the role strong"}


@pytest.mark.parametrize(
    ("best", "end"),
    [
        ("w2v2-L-robust", "not the best of this study."),
        ("w2v2-b", "not the best of this study. Here w2v2-b takes its place."),
        ("", "not the best of this study. Here no model takes its place."),
    ],
)
def test_the_best_transformer_is_named(best: str, end: str) -> None:
    text = best_transformer(replace(DESCRIPTION, best=best))
    assert text.endswith(end)
    assert "the paper's best model, w2v2-L-robust" in text
