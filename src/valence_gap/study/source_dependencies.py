"""Which source files determine a result: a module and all that it imports, at any depth, within the package."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT.name
IGNORED_FILES = frozenset(
    {
        "__init__.py",  # the version
        "runtime/gpus.py",  # which GPU computes
        "study/configuration.py",  # values that reach a job through its parameters
        "definitions/corpora.py",
        "definitions/evaluation.py",
        "definitions/models.py",
        "definitions/registry.py",
        "definitions/values.py",
        "definitions/miniature.py",
        "definitions/text.py",
        "study/checks/validate.py",
        "study/checks/recipes.py",  # decides what is refused, not what is computed
        "study/project_files.py",
        "study/study.py",
        "runtime/errors.py",
        "runtime/data_files.py",
        "runtime/files.py",  # how a result is written, not what
        "runtime/progress.py",
        "runtime/provenance.py",
        "definitions/validation.py",
    }
)
"""Files that pass on, write or report values but determine no number: no result depends on them."""


def source_dependencies(entries: Iterable[str]) -> list[str]:
    """The files that determine what some modules do, sorted.

    Args:
        entries: paths or patterns below the package, such as ``training.py``; data files are returned unchanged.

    Returns:
        POSIX paths below the package: the modules and all they import, at any depth, except :data:`IGNORED_FILES`.
    """
    waiting = [path for entry in entries for path in sorted(ROOT.glob(entry))]
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path in found or path.relative_to(ROOT).as_posix() in IGNORED_FILES:
            continue
        found.add(path)
        if path.suffix == ".py":
            waiting += imported(path)
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


@cache
def imported(path: Path) -> tuple[Path, ...]:
    """Files of the package that a module imports; see :func:`imports`."""
    return tuple(dict.fromkeys(imports(ast.parse(path.read_text(encoding="utf-8")))))


def imports(node: ast.AST) -> Iterator[Path]:
    """Files of the package that some code imports, also in functions; imports only for type checkers are left out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ImportFrom) and child.module and child.level == 0:
            for alias in child.names:
                # A name is a module of the package, or defined in it.
                yield from _file(f"{child.module}.{alias.name}") or _file(child.module)
        elif isinstance(child, ast.Import):
            for alias in child.names:
                yield from _file(alias.name)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            for other in child.orelse:
                yield from imports(other)
        else:
            yield from imports(child)


def _file(module: str) -> list[Path]:
    """The file of a module of the package, or none."""
    package, *names = module.split(".")
    if package != PACKAGE:
        return []
    stem = ROOT.joinpath(*names)
    return [path for path in (stem.with_suffix(".py"), stem / "__init__.py") if names and path.is_file()][:1]
