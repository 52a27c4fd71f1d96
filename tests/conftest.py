"""The order of all tests: the files that take minutes come first, so that both workers have work until the end."""

import pytest

SLOW = ("workflow", "cluster", "fuzz")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.parent.name not in SLOW)  # stable: each folder keeps its own order
