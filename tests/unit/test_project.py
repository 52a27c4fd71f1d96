"""What must agree across files of the project."""

import hashlib
import json
import re
import resource
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from valence_gap.runtime.provenance import checksum_of_all, run_record
from valence_gap.study.revisions import REVISIONS, STAGES, fingerprint

ROOT = Path(__file__).parents[2]


def pins() -> list[str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_the_lock_file_pins_everything_exactly() -> None:
    assert all("==" in pin and "+" not in pin and "@" not in pin for pin in pins())


def test_the_lock_file_contains_every_extra() -> None:
    """Tests that need a missing package would be skipped."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    required = {re.split("[<>=]", requirement)[0].lower() for extra in extras.values() for requirement in extra}
    assert required <= {pin.split("==")[0].lower().replace("_", "-") for pin in pins()}


def test_the_code_of_each_stage_is_that_of_its_revision() -> None:
    """Fails if code that determines a stage's numbers has changed since its fingerprint was recorded.

    If results can change, raise the stage's revision in revisions.py. Then record the fingerprints; if results cannot
    change, only record them: ``python -m valence_gap.study.revisions > tests/unit/fingerprints.json``.
    """
    recorded = json.loads((ROOT / "tests/unit/fingerprints.json").read_text())
    assert {stage: [REVISIONS[stage], fingerprint(stage)] for stage in STAGES} == recorded


def test_the_map_of_the_packages_agrees_with_their_docstrings() -> None:
    assert subprocess.run([sys.executable, ROOT / "docs/package_map.py", "--check"]).returncode == 0, "run make map"


def test_the_files_that_contributing_names_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"`((?:src|tests|workflow|docs|benchmarks)/[\w./-]+)`", text))
    named |= set(re.findall(r"\]\(([\w./-]+)\)", text))
    assert len(named) > 30
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_words_that_were_given_up_are_not_used() -> None:
    """Private words that have a standard equivalent in the field."""
    given_up = re.compile(
        r"(?<![a-z])(un)?(told|heard)(?![a-z])|standing_on|reckon|once_sound|maybe_temp", re.IGNORECASE
    )
    folders = ("src", "workflow", "benchmarks", "tests", "profiles")
    kinds = {".py", ".smk", ".yaml", ".rst", ".json"}
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in kinds]
    files = [path for path in files if path.parent.name != "data"]  # sentences of the miniature
    files += [ROOT / name for name in ("Snakefile", "config.yaml", "Makefile", "CONTRIBUTING.md")]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if given_up.search(line)
    ]
    assert found == []


def test_a_run_record_contains_everything_to_reproduce_a_number(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.write_bytes(b"abc")
    started = time.monotonic() - 0.25
    record = run_record({"epochs": 1}, inputs={"data": data}, started=started, audio_s=7200, flop=1.5e12)
    assert record["definition"] == {"epochs": 1}
    assert record["inputs"]["data"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert record["versions"]["valence-gap"]
    assert record["hardware"]["cores"] >= 1
    assert (record["device"], record["audio_s"], record["flop"]) == ("cpu", 7200, 1_500_000_000_000)
    assert record["wall_s"] >= 0.25
    assert {"audio_s", "flop"}.isdisjoint(run_record({}))
    peak = record["peak_memory_mb"]
    assert peak is None or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6 >= peak - 1 > 20
    packages = ("scipy", "safetensors", "tokenizers", "pyarrow", "torch", "numpy")
    assert [package for package in packages if package not in record["versions"]] == []


def test_the_seconds_of_a_process_begin_with_it() -> None:
    code = (
        "import time; time.sleep(0.3); sum(range(10**6)); from valence_gap.runtime.provenance import run_record; "
        "record = run_record({}); print(record['process_s'], record['cpu_s'])"
    )
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lasted = time.monotonic() - started
    process_s, cpu_s = done.stdout.split()
    assert 0 < float(cpu_s) < lasted
    if sys.platform == "linux":
        assert 0.3 <= float(process_s) <= lasted + 0.02  # starts are counted in hundredths of a second


def test_the_checksum_of_several_files_is_that_of_the_output_of_sha256sum(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("b.wav", "a.wav")]
    for path in paths:
        path.write_text(path.name)
    listed = subprocess.run(["sha256sum", "a.wav", "b.wav"], cwd=tmp_path, capture_output=True, check=True).stdout
    assert checksum_of_all(paths) == hashlib.sha256(listed).hexdigest()


@pytest.mark.parametrize(
    ("user", "installs", "missing"),
    [
        ("0", "exit 0", None),
        ("0", "exit 100", "SLURM"),
        ("0", 'case "$*" in *chromium*) exit 100;; esac', "Chromium"),
        ("0", None, None),
        ("1000", "exit 100", None),
    ],
)
def test_continuous_integration_fails_if_an_installation_fails(
    tmp_path: Path, user: str, installs: str | None, missing: str | None
) -> None:
    stubs = {"id": f"echo {user}", "make": f"touch {tmp_path}/made", "apt-get": installs}
    for name, line in stubs.items():
        if line is not None:
            (tmp_path / name).write_text(f"#!{shutil.which('sh')}\n{line}\n")
            (tmp_path / name).chmod(0o755)
    for name in ("bash", "dirname", "touch"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    ran = subprocess.run([ROOT / ".ci/run"], env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert ran.returncode == (0 if missing is None else 1)
    errors = [line.split()[1] for line in ran.stderr.splitlines() if line.startswith("error: ")]
    assert errors == ([] if missing is None else [missing])
    assert (tmp_path / "made").exists() == (missing is None)
