"""Working copies of the workflow: an unused one, and one in which the tiny study has been run."""

from pathlib import Path

import pytest
from working_copy import Workflow, copy_workflow


@pytest.fixture
def workflow(tmp_path: Path) -> Workflow:
    """An unused copy of the workflow."""
    return copy_workflow(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A copy in which the tiny study has been run to its end."""
    workflow = copy_workflow(tmp_path_factory.mktemp("finished"))
    workflow.snakemake()
    return workflow


@pytest.fixture
def changed(finished: Workflow, tmp_path: Path) -> Workflow:
    """A private copy of the finished study, for a test to change."""
    return finished.copy(tmp_path / "changed")
