"""The environments of conda and of containers: their form, since nothing here can build them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT_LINE = "-e ${VALENCE_GAP_PROJECT}"


def pins() -> list[str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_the_conda_environment_has_the_pins_of_the_lock_file_and_the_project() -> None:
    environment = yaml.safe_load((ROOT / "envs/valence-gap.yaml").read_text())
    assert set(environment) == {"channels", "dependencies"}  # a name would be refused beside Snakemake's --prefix
    (section,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert section == [*pins(), PROJECT_LINE]
    assert "pip" in environment["dependencies"]


def test_pip_finds_the_project_from_any_folder(tmp_path: Path) -> None:
    """As conda calls it: with the lines of the section as a file, in the folder to which Snakemake copies the file."""
    (tmp_path / "lines.txt").write_text(f"{PROJECT_LINE}\n")
    offline = ["--dry-run", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    ran = subprocess.run(
        [sys.executable, "-m", "pip", "install", *offline, "--requirement", "lines.txt"],
        cwd=tmp_path,
        env=os.environ | {"VALENCE_GAP_PROJECT": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert "Would install valence-gap-" in ran.stdout


def test_every_rule_with_a_shell_command_has_the_conda_environment() -> None:
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        named = re.findall(r'^    conda:\n        "([^"]+)"', path.read_text(), flags=re.MULTILINE)
        assert all((path.parent / name).resolve() == ROOT / "envs/valence-gap.yaml" for name in named)


def test_both_containers_copy_and_install_the_same() -> None:
    definition = (ROOT / "envs/apptainer.def").read_text()
    image = (ROOT / "envs/Containerfile").read_text()
    copied = re.findall(r"^    (\S+) /opt/valence-gap/\S+$", definition, flags=re.MULTILINE)
    assert copied == ["requirements.lock", "pyproject.toml", "README.md", "LICENSE", "src", "workflow/presets"]
    assert [
        word for line in re.findall(r"^COPY (.+) \S+$", image, flags=re.MULTILINE) for word in line.split()
    ] == copied
    assert all((ROOT / name).exists() for name in copied)
    installed = re.findall(r"pip install [^\\\n&]+", definition)
    assert [each.strip() for each in installed] == [
        each.strip() for each in re.findall(r"pip install [^\\\n&]+", image)
    ]
    base = re.search(r"^From: (\S+)$", definition, flags=re.MULTILINE)
    assert base
    assert f"FROM docker.io/library/{base[1]}\n" in image


@pytest.mark.parametrize("section", ["%files", "%post", "%environment", "%runscript", "%test"])
def test_the_apptainer_definition_has_each_section_once(section: str) -> None:
    lines = (ROOT / "envs/apptainer.def").read_text().splitlines()
    assert lines[:2] == ["Bootstrap: docker", "From: python:3.11-slim-bookworm"]
    assert lines.count(section) == 1


def test_the_build_context_contains_only_what_is_copied() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    kept = [line[1:] for line in lines if line.startswith("!")]
    image = (ROOT / "envs/Containerfile").read_text()
    assert kept == [word for line in re.findall(r"^COPY (.+) \S+$", image, flags=re.MULTILINE) for word in line.split()]
