import csv
import subprocess
import sys
from itertools import product
from pathlib import Path
from statistics import mean, stdev

import pytest

from valence_gap.runtime.errors import UserError
from valence_gap.scores.summary import summarise_scores

HEADER = "model,seed,corpus,condition,dimension,group_by,group,samples,ccc,low,high,se_utterances,se_speakers,speakers"
SEEDS = {"a": (1, 2, 3), "b": (1,)}
CORPORA = {"one": ("arousal", "valence"), "two": ("valence",)}


def ccc(model: str, seed: int, corpus: str, dimension: str) -> float:
    """Some number for each run."""
    return len(model + corpus + dimension) / 40 + {"a": 0.01, "b": 0.02}[model] * seed**2


@pytest.fixture
def tables(tmp_path: Path) -> list[Path]:
    """Score tables by run, with some rows for groups that are only a part of the test set."""
    paths = []
    for model, corpus in product(SEEDS, CORPORA):
        for seed in SEEDS[model]:
            lines = [HEADER]
            for dimension in CORPORA[corpus]:
                value = ccc(model, seed, corpus, dimension)
                error = ",0.04,5" if corpus == "one" else ",,0"  # the second corpus has no speakers
                lines.append(f"{model},{seed},{corpus},clean,{dimension},all,all,9,{value!r},0,1,0.03{error}")
                lines.append(f"{model},{seed},{corpus},clean,{dimension},speaker,17,4,0.9,0,1,0.1,,0")
            paths.append(tmp_path / f"{model}.{seed}.{corpus}.csv")
            paths[-1].write_text("\n".join(lines) + "\n")
    return paths


def test_each_row_is_over_the_seeds_of_a_model(tables: list[Path], tmp_path: Path) -> None:
    kinds = {"a": "alike", "b": "alike"}
    summarise_scores(tables, tmp_path / "out" / "scores.csv", kinds=kinds, confidence=0.95)
    with (tmp_path / "out" / "scores.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    spread = ["model", "corpus", "condition", "dimension", "seeds", "mean", "sd", "minimum", "maximum"]
    errors = ["se_utterances", "se_speakers", "se_bootstrap", "se_seeds", "standard_error", "degrees_of_freedom"]
    assert list(rows[0]) == [*spread, *errors, "low", "high", "borrowed_from"]
    expected = [(model, corpus, name) for model, corpus in product(SEEDS, CORPORA) for name in CORPORA[corpus]]
    assert [(row["model"], row["corpus"], row["dimension"]) for row in rows] == expected
    for row, (model, corpus, dimension) in zip(rows, expected, strict=True):
        values = [ccc(model, seed, corpus, dimension) for seed in SEEDS[model]]
        assert (row["condition"], int(row["seeds"])) == ("clean", len(values))
        found = [float(row[name]) for name in ("mean", "minimum", "maximum")]
        assert found == pytest.approx([mean(values), min(values), max(values)])
        assert row["sd"] == "" if len(values) == 1 else float(row["sd"]) == pytest.approx(stdev(values))
        own = stdev([ccc("a", seed, corpus, dimension) for seed in SEEDS["a"]]) / len(values) ** 0.5
        bootstrap = 0.04 if corpus == "one" else 0.03
        assert float(row["se_seeds"]) == pytest.approx(own)  # the model with one seed borrows it
        assert float(row["se_bootstrap"]) == pytest.approx(bootstrap)
        assert float(row["standard_error"]) == pytest.approx((own**2 + bootstrap**2) ** 0.5)
        assert (row["se_speakers"] == "", row["borrowed_from"]) == (corpus == "two", "a")
        low, high = float(row["low"]), float(row["high"])
        assert (low + high) / 2 == pytest.approx(mean(values))
        assert high - low > 2 * 1.96 * float(row["standard_error"])


def test_where_no_model_has_several_seeds_the_interval_is_over_utterances(tables: list[Path], tmp_path: Path) -> None:
    summarise_scores(tables, tmp_path / "scores.csv", kinds={"a": "one kind"}, confidence=0.95)
    with (tmp_path / "scores.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["model"] == "b"]
    assert {(row["se_seeds"], row["borrowed_from"]) for row in rows} == {("", "")}
    (alone,) = [row for row in rows if row["corpus"] == "two"]
    assert float(alone["high"]) - float(alone["low"]) == pytest.approx(2 * 1.959964 * 0.03)
    assert alone["degrees_of_freedom"] == ""


def test_tables_that_cannot_be_summarised_are_reported(tables: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no scores"):
        summarise_scores([], tmp_path / "scores.csv", kinds={}, confidence=0.95)
    with pytest.raises(UserError, match="same run") as caught:
        summarise_scores([*tables, tables[1]], tmp_path / "scores.csv", kinds={}, confidence=0.95)
    assert caught.value.offenders == ("a, one, clean, arousal, 2", "a, one, clean, valence, 2")
    (tmp_path / "strange.csv").write_text("model,seed,ccc\na,1,0.5\n")
    with pytest.raises(UserError, match=r"strange\.csv: no column condition"):
        summarise_scores([*tables, tmp_path / "strange.csv"], tmp_path / "scores.csv", kinds={}, confidence=0.95)
    assert not (tmp_path / "scores.csv").exists()


def test_it_imports_no_slow_package() -> None:
    heavy = ("torch", "scipy", "matplotlib")
    code = f"import sys, valence_gap.scores.summary; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
