"""The four sentences hold for any results: also for a study with Figure 2 alone, without claims, or without scores."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_data import CLAIMS, CORPORA, DESCRIPTION, MODELS, SHOWN, main_scores, write_results

from valence_gap.definitions.page import PageDescription
from valence_gap.page.answer import answer, score_grid, verdict_counts
from valence_gap.page.results import Results, read_results


@pytest.fixture
def results(tmp_path: Path) -> Results:
    write_results(tmp_path)
    return read_results(tmp_path, DESCRIPTION)


def of(table: pd.DataFrame, description: PageDescription = DESCRIPTION) -> Results:
    """A study without figures and claims whose scores are given."""
    scores = table.rename(columns={"ccc": "mean"}).assign(condition="clean")
    alone = replace(description, targets={})
    return Results(Path(), alone, claims=None, scores=scores, records={}, corpora={}, converged={})


def test_the_answer_has_the_numbers_of_figure_2_and_of_the_claims(results: Results) -> None:
    asked, best, gap, statements = answer(results)
    assert "2 models, trained on MSP-Podcast, recognise" in asked
    assert "concordance correlation coefficient (CCC)" in asked
    assert (
        ".60 [.55, .65] in arousal (w2v2-b), .60 [.55, .65] in dominance (w2v2-b) and .40 [.35, .45] in valence" in best
    )
    assert "(w2v2-b, .40 [.35, .45]) is .10 above CNN14" in gap
    assert "the highest valence CCC is .40 on MOSI" in gap
    assert statements == (
        "Of 4 statements of the paper, 1 is supported, 1 is contradicted and 2 are inconclusive; of the 1 that stand "
        "in its title, abstract or conclusion, 1 is supported, 0 are contradicted and 0 are inconclusive."
    )


def test_a_baseline_that_is_better_is_not_called_worse() -> None:
    table = main_scores()
    table.loc[table["model"] == "cnn14", "ccc"] += 0.3
    assert "is .20 below CNN14" in answer(of(table))[2]


@pytest.mark.parametrize("verdict", ["yes", "no", "unknown"])
def test_a_distance_to_a_model_that_has_not_converged_is_no_finding(verdict: str) -> None:
    results = replace(of(main_scores()), converged={"cnn14": verdict, "w2v2-b": "yes"})
    warning = "This distance is no finding: by the stopping rule CNN14 was not trained to the end."
    assert (warning in answer(results)[2]) == (verdict == "no")


def test_a_study_without_figure_2_and_claims_has_an_answer_from_its_scores() -> None:
    _, best, _, statements = answer(of(main_scores().drop(columns=["low", "high"])))
    assert ".60 in arousal (w2v2-b)" in best
    assert statements.startswith("The statements of the paper were not evaluated")


def test_a_study_of_one_model_compares_its_dimensions() -> None:
    table = main_scores()
    _, best, gap, _ = answer(of(table[table["model"] == "w2v2-b"]))
    assert "its one model reaches a CCC of" in best
    assert "In valence, w2v2-b reaches .40 [.35, .45], .20 below its CCC in arousal" in gap


def test_a_study_without_scores_says_so() -> None:
    without = replace(DESCRIPTION, targets={}, models=(), corpora=(), train_corpus=None)
    found = Results(Path(), without, claims=None, scores=None, records={}, corpora={}, converged={})
    assert answer(found)[1] == (
        "The study has no scores of clean speech, so it cannot say which model recognises emotion best."
    )
    assert "0 models recognise" in answer(found)[0]
    assert score_grid(found) == ([], [])


def test_a_study_without_the_baseline_says_so() -> None:
    table = main_scores()
    gap = answer(of(table[table["model"] == "w2v2-b"]))[2]
    assert "There is no CNN14, the baseline without transformer layers, in this study to compare it with." in gap
    gap = answer(of(table[table["model"] == "cnn14"]))[2]
    assert "There is no transformer in this study to compare it with." in gap


def test_the_paper_s_best_model_is_named_whether_it_is_the_best_or_not_or_missing() -> None:
    robust = replace(MODELS[1], name="w2v2-L-robust", label="w2v2-L-robust")
    study = replace(DESCRIPTION, models=(*MODELS, robust))
    table = main_scores()
    own = table[table["model"] == "cnn14"].assign(model="w2v2-L-robust")
    behind, ahead = own.assign(ccc=own["ccc"] + 0.05), own.assign(ccc=own["ccc"] + 0.3)
    assert "The paper's best model, w2v2-L-robust, is not in this study." in answer(of(table))[2]
    assert "The paper's best model, w2v2-L-robust, has no such score in this study." in answer(of(table, study))[2]
    second = answer(of(pd.concat([table, behind]), study))[2]
    assert "highest CCC (w2v2-b, .40 [.35, .45])" in second
    assert "The paper's best model, w2v2-L-robust, has .35 [.25, .35] here." in second
    first = answer(of(pd.concat([table, ahead]), study))[2]
    assert "highest CCC (w2v2-L-robust, the paper's best model, .60 [.25, .35])" in first
    assert first.count("the paper's best model") + first.count("The paper's best model") == 1


def test_the_models_that_statements_lack_are_named(results: Results) -> None:
    lacking = [{**claim, "limited_by": "roles"} for claim in CLAIMS]
    text = answer(replace(results, claims={"claims": lacking, "summary": ""}))[3]
    assert (
        "2 are inconclusive (2 because this study lacks a model or number that they need; of those in the paper's "
        "Figure 2, hubert-b, w2v2-L, hubert-L, w2v2-L-robust, w2v2-L-vox and w2v2-L-xls-r are not in it); of the 1"
    ) in text
    names = ("w2v2-b", "hubert-b", "w2v2-L", "hubert-L", "w2v2-L-robust", "w2v2-L-vox", "w2v2-L-xls-r")
    every = replace(DESCRIPTION, models=(MODELS[0], *(replace(MODELS[1], name=name) for name in names)))
    text = answer(replace(results, description=every, claims={"claims": lacking, "summary": ""}))[3]
    assert "(2 because this study lacks a model or number that they need);" in text


ROWS = st.tuples(
    st.sampled_from(["msp-podcast", "cmu-mosi", "own"]),
    st.sampled_from(["arousal", "dominance", "valence"]),
    st.sampled_from(["cnn14", "w2v2-b", "other"]),
)


@given(st.dictionaries(ROWS, st.floats(-1, 1) | st.just(float("nan")), max_size=12))
def test_any_scores_give_four_sentences(scores: dict[tuple[str, str, str], float]) -> None:
    rows = [(*key, value, value - 0.1, value + 0.1) for key, value in scores.items()]
    table = pd.DataFrame(rows, columns=["corpus", "dimension", "model", "ccc", "low", "high"])
    sentences = answer(of(table))
    assert len(sentences) == 4
    assert all(sentence.endswith((".", "?")) and not re.search(r"\bnan\b", sentence) for sentence in sentences)


def test_the_grid_marks_the_highest_score_of_a_column(results: Results) -> None:
    heads, rows = score_grid(results)
    assert heads == [
        *("MSP-Podcast, arousal", "MSP-Podcast, dominance", "MSP-Podcast, valence"),
        "MOSI, valence",
    ]
    assert [model for model, _ in rows] == ["CNN14", "w2v2-b"]
    assert [[cell.best for cell in cells] for _, cells in rows] == [[False] * 4, [True] * 4]
    assert rows[0][1][0].ccc == ".50"
    assert rows[0][1][0].interval == "[.45, .55]"


def test_verdicts_that_nobody_has_are_counted_as_none() -> None:
    assert verdict_counts(CLAIMS[:1]) == {"supported": 1, "contradicted": 0, "inconclusive": 0}


def test_labels_that_say_little_are_replaced_by_names() -> None:
    pruned = (replace(MODELS[1], name="w2v2-b-3", label="3"), replace(MODELS[1], name="w2v2-b-fusion"))
    study = replace(DESCRIPTION, models=(*MODELS, *pruned), corpora=CORPORA, targets={"figure_02": SHOWN})
    assert study.model_label("w2v2-b-3") == "w2v2-b-3"
    assert study.model_label("w2v2-b-fusion") == "w2v2-b-fusion"
    assert study.model_label("cnn14") == "CNN14"
