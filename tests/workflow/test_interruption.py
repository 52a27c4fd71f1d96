"""Runs that are interrupted, or that find another run in the same folder."""

import os
import signal

from terminal import PATIENCE_S, started, wait_for
from working_copy import Workflow

MANIFEST = "results/tiny/raw/manifest.json"
LOG = "results/tiny/logs/make_miniature.log"


def test_a_run_continues_after_a_refused_second_run_and_an_interruption(workflow: Workflow) -> None:
    """While a job runs, a second run is refused. Ctrl-C ends the first run. A third run makes what is missing."""
    tiny = (workflow.root / "tiny.yaml").read_text()
    workflow.configure(
        miniature={"msp_podcast": {"train": {"utterances": 8_000}}}
    )  # so that it takes longer than the second run
    with started(workflow, MANIFEST) as first:
        wait_for((workflow.root / LOG).exists)
        second = workflow.snakemake(MANIFEST, check=False)
        assert "Directory cannot be locked" in second
        assert first.poll() is None  # undisturbed
        os.killpg(first.pid, signal.SIGINT)
        first.communicate(timeout=PATIENCE_S)
    assert first.returncode != 0
    assert "Traceback" not in (workflow.root / LOG).read_text()
    assert not (workflow.root / MANIFEST).exists()
    (workflow.root / "tiny.yaml").write_text(tiny)
    assert workflow.planned(MANIFEST) == {
        "make_miniature": 1
    }  # the folder is not locked, and the job is not considered done
    workflow.snakemake(MANIFEST)
    assert (workflow.root / MANIFEST).is_file()
    assert not [path.name for path in (workflow.root / "results/tiny").iterdir() if path.name.startswith(".")]
