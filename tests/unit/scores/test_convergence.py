"""The stopping rule on files of finished trainings."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from valence_gap.cli import main
from valence_gap.runtime.errors import UserError
from valence_gap.scores.convergence import as_json, as_markdown, check_convergence, training_logs

FLAT = [0.3, 0.5, 0.5, 0.5]
RECIPE = {"epochs": 4, "schedule": "cosine", "patience": None, "learning_rate": 0.001}


def train(
    results: Path, model: str, values: list[float], *, seed: int = 42, record: bool = True, **recipe: Any
) -> Path:
    """Write the log and the record of a training; the dev CCC of all dimensions is the same."""
    log = results / "models" / model / f"seed-{seed}" / "training.csv"
    log.parent.mkdir(parents=True)
    table = pd.DataFrame({"epoch": range(1, len(values) + 1), "loss": 0.5})
    for name in ("arousal", "dominance", "valence", "mean"):
        table[f"dev_{name}"] = values
    table.assign(best=False).to_csv(log, index=False)
    if record:
        definition = {"recipe": RECIPE | recipe, "seed": seed, "layers": 2}
        log.with_name("run.json").write_text(json.dumps({"definition": definition}))
    return log


def test_a_folder_is_reported_with_its_doubled_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(tmp_path, "a", FLAT)
    train(tmp_path, "a-doubled", FLAT + FLAT, epochs=8)
    train(tmp_path, "b", [0.1, 0.2, 0.3, 0.4])
    train(tmp_path, "c", FLAT)
    stem, curves = tmp_path / "out" / "convergence", tmp_path / "out" / "curves.csv"
    assert main(["convergence", str(tmp_path), "--output-stem", str(stem), "--curves", str(curves)]) == 0
    assert capsys.readouterr().out == "3 models by the stopping rule: 1 converged, 1 not, 1 unknown\n"
    found = json.loads(stem.with_suffix(".json").read_text())["models"]
    assert {name: (one["converged"], one["mark"]) for name, one in found.items()} == {
        "a": ("yes", ""),
        "b": ("no", "not converged"),
        "c": ("unknown", "not converged"),
    }
    assert found["a"]["compared_with"] == "a-doubled"
    table = pd.read_csv(curves)
    assert list(table) == ["model", "seed", "epoch", "loss", "dev_arousal", "dev_dominance", "dev_valence"]
    assert table.groupby("model").size().to_dict() == {"a": 4, "a-doubled": 8, "b": 4, "c": 4}
    numbers = pd.read_csv(stem.with_suffix(".csv")).set_index(["model", "dimension"])
    assert numbers.loc[("b", "valence"), "late_gain"] == pytest.approx(0.1)
    assert numbers.loc[("a", "valence"), "doubled_gain"] == 0
    assert pd.isna(numbers.loc[("c", "valence"), "doubled_gain"])
    page = stem.with_suffix(".md").read_text()
    assert "| b | **no** | 1 | 4 | no | 0.100 | unknown | – | yes | 0.400 |" in page
    assert "- b: (a) valence, seed 42: still improves in the last quarter of 4 epochs, by 0.100" in page


def test_a_second_study_can_have_twice_as_many_epochs(tmp_path: Path) -> None:
    train(tmp_path / "one", "a", FLAT)
    train(tmp_path / "two", "a", [*FLAT, *[0.6] * 4], epochs=8)
    report = check_convergence(training_logs(tmp_path / "one"), training_logs(tmp_path / "two"))
    assert [one.converged for one in report.models] == ["no"]
    assert set(report.measured["doubled_gain"].round(6)) == {0.1}
    assert "twice as many epochs raise the best dev CCC by 0.100" in as_markdown(report)


def test_trainings_that_cannot_be_compared_are_all_named(tmp_path: Path) -> None:
    train(tmp_path, "a", FLAT)
    train(tmp_path, "a-doubled", FLAT, epochs=6, learning_rate=0.1)
    with pytest.raises(UserError) as caught:
        check_convergence(training_logs(tmp_path))
    lines = [line.partition("training.csv: ")[2] for line in caught.value.offenders]
    assert lines == ["6 epochs, not twice the 4 of a", "differs from a in recipe.learning_rate"]


@pytest.mark.parametrize(
    ("recipe", "converged"),
    [
        ({"schedule": "constant", "patience": 2, "epochs": 100}, "yes"),
        ({"schedule": "cosine", "patience": 2, "epochs": 100}, "unknown"),  # the rate would fall more slowly
        ({"schedule": "constant", "patience": 2, "epochs": 4}, "unknown"),  # it may have gone on
    ],
)
def test_early_stopping_at_a_constant_rate_makes_more_epochs_the_same(
    tmp_path: Path, recipe: dict[str, Any], converged: str
) -> None:
    train(tmp_path, "fusion", FLAT, **recipe)
    assert [one.converged for one in check_convergence(training_logs(tmp_path)).models] == [converged]


def test_a_training_without_a_record_is_judged_by_its_log(tmp_path: Path) -> None:
    train(tmp_path, "a", FLAT, record=False)
    train(tmp_path, "a-doubled", FLAT + FLAT, record=False)
    assert as_json(check_convergence(training_logs(tmp_path)))["models"]["a"]["converged"] == "yes"


def test_what_is_no_training_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convergence", str(tmp_path)]) == 2
    assert "there is no training log" in capsys.readouterr().err
    assert main(["convergence"]) == 2
    log = train(tmp_path, "a", FLAT)
    log.write_text("epoch,loss\n1,0.5\n")
    assert main(["convergence", str(tmp_path)]) == 2
    assert "no column dev_valence" in capsys.readouterr().err
