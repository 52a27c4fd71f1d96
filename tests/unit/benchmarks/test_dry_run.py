"""The benchmark of dry runs plans the paper's study on small corpora."""

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "dry_run.py"


def test_it_counts_the_jobs_of_the_papers_study() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--rounds", "1"], capture_output=True, text=True, check=True)
    found = re.fullmatch(r"(\d+) jobs, \d+\.\d s, \d+\.\d s of CPU time", done.stdout.splitlines()[-1])
    assert found is not None
    assert int(found[1]) > 100
