"""The table "What runs again" of the README, and the tests of its rows."""

import re
from collections.abc import Callable
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
SECTION = "## What runs again"
TESTED: dict[str, str] = {}

Test = Callable[..., None]


def row(change: str, runs: str) -> Callable[[Test], Test]:
    """Mark a test as the test of a row of the table: what the user changes, and what runs again."""

    def mark(test: Test) -> Test:
        TESTED[change] = runs
        return test

    return mark


def table() -> dict[str, str]:
    """Return the table as it is in the README."""
    section = README.read_text(encoding="utf-8").partition(SECTION)[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+) \| (.+) \|$", section, flags=re.MULTILINE)
    return dict(rows[1:])  # without the header
