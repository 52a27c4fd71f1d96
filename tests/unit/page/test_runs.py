"""What was run, from the records of the jobs; what no record says is unknown."""

from dataclasses import replace
from pathlib import Path

import pytest
from page_data import DESCRIPTION, MODELS, write_results

from valence_gap.page.numbers import UNKNOWN
from valence_gap.page.results import Results, read_results
from valence_gap.page.runs import corpora_table, facts, models_table


@pytest.fixture
def results(tmp_path: Path) -> Results:
    write_results(tmp_path)
    return read_results(tmp_path, DESCRIPTION)


def test_the_facts_come_from_the_records(results: Results) -> None:
    found = dict(facts(results))
    assert found["Trainings"] == "3 trainings of 2 models, on the train split of MSP-Podcast"
    assert found["Machine"] == "Some CPU, 2 cores"
    assert found["Computing device"] == "trained on CPU, matrix products in bfloat16"
    assert found["Software"] == "valence-gap 0.1.0, python 3.11.7, torch 2.13.0"
    assert found["Code"] == "commit 0123456789ab"


def test_nothing_is_invented_where_no_record_is_left(results: Results) -> None:
    empty = replace(results, records={}, corpora={}, folder=results.folder / "nothing")
    found = dict(facts(empty))
    assert {name for name, text in found.items() if text == UNKNOWN} == {
        *("When", "Machine", "Computing device", "Time", "Software", "Code")
    }
    assert {tuple(row[2:6]) for row in corpora_table(empty)[1]} == {(UNKNOWN,) * 4}
    assert {tuple(row[4:]) for row in models_table(empty)[1]} == {(UNKNOWN,) * 4}


def test_models_are_listed_with_their_seeds_and_epochs(results: Results) -> None:
    variant = replace(MODELS[1], name="less", layers=2, fraction=0.125)
    described = replace(results, description=replace(DESCRIPTION, models=(*MODELS, variant)))
    rows = {row[0]: row for row in models_table(described)[1]}
    assert rows["cnn14"] == ["cnn14", "CNN14", "mini-cnn14", "42, 43", "3", "2", "2 min", UNKNOWN]
    assert rows["less"][1] == "fine-tuned, 2 layers, 12.5% of the training set"


def test_corpora_are_listed_by_split(results: Results) -> None:
    assert corpora_table(results)[1][0] == [
        *("MSP-Podcast", "synthetic, in the format of the corpus", "test", "30", "3", "0.01", "–")
    ]


def test_a_study_that_trains_nothing_says_so(results: Results) -> None:
    finished = replace(MODELS[1], kind="finished model")
    described = replace(results, description=replace(DESCRIPTION, models=(finished,)))
    assert dict(facts(described))["Trainings"] == "none: the models were trained elsewhere"
