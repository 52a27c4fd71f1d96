"""The table of the page "What runs again" of the documentation, and the tests of its rows."""

import re
from collections.abc import Callable
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/reruns.md"
TESTED: dict[str, str] = {}

Test = Callable[..., None]


def row(change: str, runs: str) -> Callable[[Test], Test]:
    """Mark a test as the test of a row of the table: what the user changes, and what runs again."""

    def mark(test: Test) -> Test:
        TESTED[change] = runs
        return test

    return mark


def table() -> dict[str, str]:
    """Return the table as it is on the page."""
    section = PAGE.read_text(encoding="utf-8").partition("\n## ")[0]
    rows = re.findall(r"^\| (.+) \| (.+) \|$", section, flags=re.MULTILINE)
    return dict(rows[1:])  # without the header
