"""The benchmark of scale: it runs every stage, and reports time and memory of each."""

import json
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "benchmarks"


def test_every_stage_is_measured(tmp_path: Path) -> None:
    command = [sys.executable, FOLDER / "scale.py", "--hours", "0.02", "--folder", tmp_path]
    subprocess.run([*command, "--output", tmp_path / "scale"], check=True, capture_output=True)
    document = json.loads((tmp_path / "scale.json").read_text())
    rows = document["rows"]
    assert [row["stage"] for row in rows] == ["packing", "condition", "scoring", "figure"]
    for row in rows:
        assert row["hours"] == 0.02
        assert 0 < row["cpu_s"] < 60
        assert 20 < row["anonymous_mb"] <= row["peak_mb"] < 1000
    table = (tmp_path / "scale.md").read_text()
    assert document["cpu"] in table
    assert "| figure | 0.02 |" in table
    assert (tmp_path / "scale.png").read_bytes().startswith(b"\x89PNG")
