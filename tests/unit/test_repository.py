"""What other services read of the repository: citation, metadata, continuous integration, forms for issues."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from valence_gap import __version__

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "tests/schemas/citation-file-format-1.2.0.json").read_text())


def citation() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    return found


def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return found


def errors(content: dict[str, Any]) -> list[str]:
    return [error.message for error in Draft7Validator(SCHEMA).iter_errors(content)]


def test_the_citation_is_valid() -> None:
    assert SCHEMA["$id"].endswith("1.2.0/schema.json")
    assert errors(citation()) == []


@pytest.mark.parametrize(
    "wrong", [{"title": ""}, {"date-released": "26.11.2026"}, {"licence": "MIT"}, {"license": "Some"}, {"authors": []}]
)
def test_a_wrong_citation_is_not_valid(wrong: dict[str, Any]) -> None:
    assert errors(citation() | wrong)


def test_all_files_name_one_version_and_one_date() -> None:
    assert citation()["version"] == project()["version"] == __version__
    latest = re.search(r"^## (\S+) \((\d{4}-\d\d-\d\d)\)$", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert latest
    assert (latest[1], latest[2]) == (__version__, citation()["date-released"])


def test_codemeta_and_zenodo_agree_with_the_project_and_its_citation() -> None:
    assert subprocess.run([sys.executable, ROOT / "docs/codemeta.py", "--check"]).returncode == 0
    found = json.loads((ROOT / "codemeta.json").read_text())
    assert (found["type"], found["version"], found["license"]) == (
        "SoftwareSourceCode",
        __version__,
        "https://spdx.org/licenses/MIT",
    )


def test_continuous_integration_calls_the_script_with_pinned_actions() -> None:
    text = (ROOT / ".github/workflows/ci.yml").read_text()
    content = yaml.safe_load(text)
    triggers = content[True]  # YAML 1.1 reads the key `on` so
    assert {"push", "pull_request"} <= set(triggers)
    assert content["permissions"] == {"contents": "read"}
    (job,) = content["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert job["timeout-minutes"] <= 360
    used = re.findall(r"uses: (.+)", text)
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action) for action in used)
    python = next(step["with"]["python-version"] for step in job["steps"] if "python-version" in step.get("with", {}))
    assert project()["requires-python"] == f">={python}"
    assert (ROOT / ".ci/run").stat().st_mode & 0o100


FORMS = sorted(path for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")


def test_there_are_forms_for_issues() -> None:
    assert [path.stem for path in FORMS] == ["bug", "feature", "reproduction"]
    assert set(yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/config.yml").read_text())) == {"blank_issues_enabled"}


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_has_what_the_service_needs(path: Path) -> None:
    form = yaml.safe_load(path.read_text())
    assert set(form) == {"name", "description", "labels", "body"}
    ids = [part["id"] for part in form["body"]]
    assert len(set(ids)) == len(ids)
    for part in form["body"]:
        assert part["type"] in ("input", "textarea")
        assert part["attributes"]["label"]
        assert set(part["attributes"]) <= {"label", "description", "placeholder", "render"}
        assert isinstance(part["validations"]["required"], bool)
