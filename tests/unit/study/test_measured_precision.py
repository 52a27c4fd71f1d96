"""When a run measures the products of the CPU before its first job."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from miniature_configuration import MINIATURE

from valence_gap.definitions.values import to_json
from valence_gap.study import measured_precision
from valence_gap.study.measured_precision import measure_before_run
from valence_gap.study.study import Study, load


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    found: list[list[str]] = []
    monkeypatch.setattr(measured_precision.subprocess, "run", lambda command, check: found.append(command))
    monkeypatch.setattr(measured_precision, "has_gpu", lambda: False)
    return found


def study(**recipe: Any) -> Study:
    config = copy.deepcopy(MINIATURE)
    config["recipes"]["finetune"] |= recipe
    config["study"] = "measured"
    return load(config, project=Path(__file__).parents[3])


@pytest.mark.parametrize(
    ("planned", "recipe", "measured"),
    [
        ([("finetune", "w2v2-b")], {}, True),
        ([("predict", "w2v2-b")], {}, True),
        ([("predict", "w2v2-b")], {"precision": "bf16"}, False),
        ([("predict", "w2v2-b"), ("train_cnn14", "cnn14")], {"precision": "bf16"}, True),
        ([("score", "w2v2-b"), ("figure_02", None)], {}, False),
        ([], {}, False),
    ],
)
def test_a_run_measures_if_it_computes_in_a_format_that_is_open(
    calls: list[list[str]], planned: list[tuple[str, str | None]], recipe: dict[str, Any], measured: bool
) -> None:
    measure_before_run(study(**recipe), planned)
    assert bool(calls) == measured
    assert all(command[-1] == "results/measured/precision.json" for command in calls)


def test_nothing_is_measured_again_or_for_a_gpu(
    calls: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = study()
    monkeypatch.setattr(measured_precision, "has_gpu", lambda: True)
    measure_before_run(found, [("finetune", "w2v2-b")])
    monkeypatch.setattr(measured_precision, "has_gpu", lambda: False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/measured").mkdir(parents=True)
    (tmp_path / found.precision_file).write_text(json.dumps({"choice": "fp32"}))
    measure_before_run(found, [("finetune", "w2v2-b")])
    assert calls == []


def test_the_threads_are_those_of_the_largest_job_whose_format_is_open(calls: list[list[str]]) -> None:
    measure_before_run(study(threads=4), [("finetune", "w2v2-b")])
    measure_before_run(study(threads=4, precision="bf16"), [("train_cnn14", "cnn14")])
    assert [command[command.index("--threads") + 1] for command in calls] == ["4", "1"]


def test_the_measurement_is_not_part_of_the_definition_of_a_training() -> None:
    """Snakemake compares that text, so the file makes no finished training run again."""
    assert "precision.json" not in to_json(study().training("w2v2-b", 42))
