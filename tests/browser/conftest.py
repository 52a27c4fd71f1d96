"""A small study with a page, made from invented results: no training is needed to look at a page."""

from pathlib import Path

import pytest
from page_data import write_study


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of an invented study of the miniature, with figures, tables, claims, scores, utterances and audio."""
    return write_study(tmp_path_factory.mktemp("results") / "invented")
