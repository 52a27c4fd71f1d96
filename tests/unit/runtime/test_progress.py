import subprocess
import sys

import pytest

from valence_gap.runtime import progress
from valence_gap.runtime.progress import StatusLines

UNREAD = """
import os, sys
from valence_gap.runtime.progress import StatusLines
assert sys.stdin.readline() == "closed\\n"
StatusLines("w2v2-b/seed-42").show("epoch 1", always=True)
StatusLines("w2v2-b/seed-42").show("epoch 2", always=True)
print("still there", file=sys.stderr)
"""


def test_status_lines_are_at_least_ten_seconds_apart_except_those_that_are_always_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    status = StatusLines("w2v2-b/seed-42")
    for tenth in range(1, 301):  # epochs of a tenth of a second, half a minute long
        clock[0] = 100 + tenth / 10
        status.show(f"epoch {tenth}", always=tenth == 300)
    clock[0] += 1
    status.show("one too early")
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [f"w2v2-b/seed-42: epoch {tenth}" for tenth in (100, 200, 300)]
    assert captured.err == ""


def test_every_slow_epoch_is_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    status = StatusLines("a")
    for epoch in (1, 2, 3):
        clock[0] += 60
        status.show(f"epoch {epoch}")
    assert capsys.readouterr().out == "a: epoch 1\na: epoch 2\na: epoch 3\n"


def test_a_job_continues_when_the_reader_of_its_output_is_gone() -> None:
    job = subprocess.Popen(
        [sys.executable, "-c", UNREAD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert job.stdin is not None
    assert job.stdout is not None
    job.stdout.close()
    _, stderr = job.communicate("closed\n", timeout=60)
    assert (stderr, job.returncode) == ("still there\n", 0)
