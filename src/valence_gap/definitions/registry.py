"""The figures, tables and corpus adapters that exist: the modules in their folders, which are not imported here.

A module that is added to such a folder is known to the configuration, to its checks and to the command line.
"""

from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def _modules(pattern: str) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in PACKAGE.glob(pattern) if path.stem != "__init__"))


FIGURES = _modules("figures/figure_*.py")
"""Names of the figures: ``figure_02``, ..."""

TABLES = _modules("tables/table_*.py")
"""Names of the tables: ``table_1``, ..."""

ADAPTERS = tuple(name.replace("_", "-") for name in _modules("corpora/adapters/*.py"))
"""Names of the corpus adapters: ``msp-podcast``, ..."""
