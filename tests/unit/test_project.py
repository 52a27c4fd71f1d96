"""What must agree across files of the project."""

import hashlib
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from valence_gap.runtime.provenance import checksum_of_all, run_record
from valence_gap.study.revisions import REVISIONS, STAGES, fingerprint

ROOT = Path(__file__).parents[2]


def pins() -> list[str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_the_lock_file_pins_everything_exactly() -> None:
    assert all("==" in pin and "+" not in pin and "@" not in pin for pin in pins())


def test_the_lock_file_holds_every_extra() -> None:
    """What it lacks would be skipped by the tests that need it."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    wanted = {re.split("[<>=]", requirement)[0].lower() for extra in extras.values() for requirement in extra}
    assert wanted <= {pin.split("==")[0].lower() for pin in pins()}


def test_the_conda_environment_holds_the_pins_of_the_lock_file() -> None:
    environment = yaml.safe_load((ROOT / "envs/valence-gap.yaml").read_text())
    (section,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert section == pins()


def test_the_code_of_each_stage_is_that_of_its_revision() -> None:
    """Fails where code that decides a stage's numbers has changed since its fingerprint was noted.

    If results can change, raise the stage's revision in revisions.py. Then, or if they cannot, note the fingerprints:
    ``python -m valence_gap.study.revisions > tests/unit/fingerprints.json``.
    """
    noted = json.loads((ROOT / "tests/unit/fingerprints.json").read_text())
    assert {stage: [REVISIONS[stage], fingerprint(stage)] for stage in STAGES} == noted


def test_a_run_record_says_where_a_number_came_from(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.write_bytes(b"abc")
    record = run_record({"epochs": 1}, inputs={"data": data})
    assert record["definition"] == {"epochs": 1}
    assert record["inputs"]["data"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert record["versions"]["valence-gap"]
    assert record["hardware"]["cores"] >= 1
    packages = ("scipy", "safetensors", "tokenizers", "pyarrow", "torch", "numpy")
    assert [package for package in packages if package not in record["versions"]] == []


def test_the_checksum_of_several_files_is_that_of_their_list(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("b.wav", "a.wav")]
    for path in paths:
        path.write_text(path.name)
    listed = subprocess.run(["sha256sum", "a.wav", "b.wav"], cwd=tmp_path, capture_output=True, check=True).stdout
    assert checksum_of_all(paths) == hashlib.sha256(listed).hexdigest()


@pytest.mark.parametrize(
    ("user", "installs", "status"), [("0", "exit 0", 0), ("0", "exit 100", 1), ("0", None, 0), ("1000", "exit 100", 0)]
)
def test_continuous_integration_fails_where_slurm_could_be_installed_and_was_not(
    tmp_path: Path, user: str, installs: str | None, status: int
) -> None:
    stubs = {"id": f"echo {user}", "make": f"touch {tmp_path}/made", "apt-get": installs}
    for name, line in stubs.items():
        if line is not None:
            (tmp_path / name).write_text(f"#!{shutil.which('sh')}\n{line}\n")
            (tmp_path / name).chmod(0o755)
    for name in ("bash", "dirname", "touch"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    ran = subprocess.run([ROOT / ".ci/run"], env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert ran.returncode == status
    assert ("error: SLURM could not be installed" in ran.stderr) == bool(status)
    assert (tmp_path / "made").exists() == (not status)
