"""Memory that is freed and allocated again."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from valence_gap import cli

CODE = """
import resource, sys
import numpy as np
from valence_gap.runtime.heap import keep_freed_memory

def use():
    kept = [np.ones(10 * 1024**2, np.float32) for _ in range(4)]  # 40 MiB each: by default mapped anew
    kept.clear()

if sys.argv[1] == "keep":
    keep_freed_memory()
for _ in range(3):  # the C library adapts its thresholds to what is freed
    use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(mode: str) -> int:
    return int(subprocess.run([sys.executable, "-c", CODE, mode], capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="not glibc")
def test_freed_memory_is_kept_for_the_next_allocations() -> None:
    assert page_faults("keep") < page_faults("return") / 100


@pytest.mark.parametrize(("command", "kept"), [("predict", True), ("verify", False)])
def test_what_runs_a_network_keeps_it(
    command: str, kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[None] = []
    monkeypatch.setattr(cli, "keep_freed_memory", lambda: calls.append(None))
    arguments = {"predict": [str(tmp_path / "no.wav"), "--model", str(tmp_path), "--output", str(tmp_path / "s.csv")]}
    assert cli.main([command, *arguments.get(command, [str(tmp_path / "a"), str(tmp_path / "b")])]) == 2
    assert bool(calls) is kept
