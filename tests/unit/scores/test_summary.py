import csv
import subprocess
import sys
from itertools import product
from pathlib import Path
from statistics import mean, stdev

import pytest

from valence_gap.runtime.errors import UserError
from valence_gap.scores.summary import summarise_scores

HEADER = "model,seed,corpus,condition,dimension,group_by,group,samples,ccc,low,high"
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
                lines.append(f"{model},{seed},{corpus},clean,{dimension},all,all,9,{value!r},0,1")
                lines.append(f"{model},{seed},{corpus},clean,{dimension},speaker,17,4,0.9,0,1")
            paths.append(tmp_path / f"{model}.{seed}.{corpus}.csv")
            paths[-1].write_text("\n".join(lines) + "\n")
    return paths


def test_each_row_is_over_the_seeds_of_a_model(tables: list[Path], tmp_path: Path) -> None:
    summarise_scores(tables, tmp_path / "out" / "scores.csv")
    with (tmp_path / "out" / "scores.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["model", "corpus", "condition", "dimension", "seeds", "mean", "sd", "minimum", "maximum"]
    expected = [(model, corpus, name) for model, corpus in product(SEEDS, CORPORA) for name in CORPORA[corpus]]
    assert [(row["model"], row["corpus"], row["dimension"]) for row in rows] == expected
    for row, (model, corpus, dimension) in zip(rows, expected, strict=True):
        values = [ccc(model, seed, corpus, dimension) for seed in SEEDS[model]]
        assert (row["condition"], int(row["seeds"])) == ("clean", len(values))
        found = [float(row[name]) for name in ("mean", "minimum", "maximum")]
        assert found == pytest.approx([mean(values), min(values), max(values)])
        assert row["sd"] == "" if len(values) == 1 else float(row["sd"]) == pytest.approx(stdev(values))


def test_tables_that_cannot_be_summarised_are_reported(tables: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no scores"):
        summarise_scores([], tmp_path / "scores.csv")
    with pytest.raises(UserError, match="same run") as caught:
        summarise_scores([*tables, tables[1]], tmp_path / "scores.csv")
    assert caught.value.offenders == ("a, one, clean, arousal, 2", "a, one, clean, valence, 2")
    (tmp_path / "strange.csv").write_text("model,seed,ccc\na,1,0.5\n")
    with pytest.raises(UserError, match=r"strange\.csv: no column condition"):
        summarise_scores([*tables, tmp_path / "strange.csv"], tmp_path / "scores.csv")
    assert not (tmp_path / "scores.csv").exists()


def test_it_imports_no_slow_package() -> None:
    heavy = ("torch", "scipy", "matplotlib")
    code = f"import sys, valence_gap.scores.summary; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
