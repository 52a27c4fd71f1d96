"""Write the map of the packages in CONTRIBUTING.md from their docstrings; with ``--check``, fail if it differs."""

import ast
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "CONTRIBUTING.md"
MARKS = ("<!-- map: begin -->", "<!-- map: end -->")


def layers() -> list[str]:
    """The packages from the bottom layer to the top one, as import-linter checks them."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        (contract,) = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    return [name.strip() for row in reversed(contract["layers"]) for name in row.split("|")]


def package_map() -> str:
    """One table row for each package: its docstring's first sentence, what comes in, what goes out."""
    rows = ["| package | what it does | in | out |", "|---|---|---|---|"]
    for name in layers():
        init = ROOT / "src/valence_gap" / name / "__init__.py"
        if not init.is_file():
            continue  # cli is a module
        text = ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))) or ""
        what, _, rest = " ".join(text.split()).partition(" In: ")
        given, _, rest = rest.partition(" Out: ")
        made = rest.partition(" May import: ")[0]
        cells = [f"[`{name}`](src/valence_gap/{name})", what, given, made]
        rows.append("| " + " | ".join(cell.rstrip(".") for cell in cells) + " |")
    return "\n".join(rows)


def main() -> int:
    """Write or check the map; 1 where the check fails."""
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.partition(MARKS[0])[0], page.partition(MARKS[1])[2]
    made = f"{before}{MARKS[0]}\n{package_map()}\n{MARKS[1]}{after}"
    if "--check" in sys.argv:
        return int(made != page)
    PAGE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
