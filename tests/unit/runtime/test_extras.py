"""A missing package of a study is named with what installs it."""

import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from valence_gap.cli import main
from valence_gap.runtime.extras import STUDY, missing_package

ROOT = Path(__file__).parents[3]


def test_the_modules_are_those_of_the_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required = {re.split("[<>=]", each)[0].lower() for each in project["optional-dependencies"]["study"]}
    by_module = packages_distributions()
    assert {name.lower() for module in STUDY for name in by_module[module]} == required


def test_a_command_names_the_package_and_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "valence_gap.embeddings.separation", raising=False)
    for name in [each for each in sys.modules if each.partition(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    given = ["--embeddings", "m:1:c=x.npy", "--labels", "c=x.parquet", "--utterances", "c=y.parquet"]
    given += ["--predictions", "m:1:c=x.parquet", "--evaluation", '{"bootstrap": 10}']
    assert main(["measure-separation", *given, "--output", str(tmp_path / "separation.csv")]) == 2
    message = capsys.readouterr().err
    assert "- sklearn" in message
    assert "pip install 'valence-gap[study]'" in message


def test_other_errors_are_not_taken_for_it() -> None:
    assert missing_package(ModuleNotFoundError("no module", name="somewhere")) is None
    assert missing_package(ModuleNotFoundError("no module", name="valence_gap.nowhere")) is None
    assert missing_package(ImportError("cannot import name 'x' from 'scipy'", name="scipy")) is None
