"""Working copies of the workflow: an unused one, and one in which the tiny study has been run."""

import fcntl
from pathlib import Path

import pytest
from working_copy import Workflow, copy_workflow


@pytest.fixture
def workflow(tmp_path: Path) -> Workflow:
    """An unused copy of the workflow."""
    return copy_workflow(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Workflow:
    """A copy in which the tiny study has been run to its end; pytest-xdist's workers run it once for all of them."""
    private = tmp_path_factory.mktemp("finished")
    shared = private.parent if worker_id == "master" else private.parent.parent
    done = shared / "finished-once"
    with (shared / "finished-once.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            made = copy_workflow(tmp_path_factory.mktemp("tiny"))
            made.snakemake()
            made.root.rename(done)
    return Workflow(done).copy(private / "study")


@pytest.fixture
def changed(finished: Workflow, tmp_path: Path) -> Workflow:
    """A private copy of the finished study, for a test to change."""
    return finished.copy(tmp_path / "changed")
