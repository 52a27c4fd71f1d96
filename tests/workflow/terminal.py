"""Start and interrupt runs as a terminal does."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable

from working_copy import Workflow

PATIENCE_S = 300


def started(workflow: Workflow, *targets: str) -> "subprocess.Popen[str]":
    """Start a run in a process group of its own, as a terminal does."""
    command = [sys.executable, "-m", "snakemake", *targets, "--cores", "2", "--configfile", "tiny.yaml"]
    return subprocess.Popen(
        command,
        cwd=workflow.root,
        env=workflow.environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=restore_sigint,
    )


def restore_sigint() -> None:
    """Make Ctrl-C work: a process that a shell starts in the background ignores it, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)
