"""What pages say about files, commands and messages agrees with the project."""

import argparse
import ast
import re
import subprocess
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from documentation import DOCS, EXAMPLES, PAGES, ROOT, commands

from valence_gap import cli

FOLDERS = "src|tests|workflow|docs|benchmarks|profiles|envs|resources/miniature"
TROUBLESHOOTING = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
OF_SNAKEMAKE = "## Messages of Snakemake"
MESSAGE = re.compile(r"^`(.+)`\n: ", re.MULTILINE)


def literals(path: Path) -> Iterator[str]:
    """The texts in a module; what is filled in is left out, so parts of a message are found."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_each_message_of_the_project_exists() -> None:
    said = "\n".join(text for path in (ROOT / "src").rglob("*.py") for text in literals(path))
    quoted = MESSAGE.findall(TROUBLESHOOTING.partition(OF_SNAKEMAKE)[0])
    assert len(quoted) > 40
    assert [message for message in quoted if message not in said] == []


def test_each_message_of_snakemake_exists() -> None:
    package = Path(str(distribution("snakemake").locate_file("snakemake")))
    said = "\n".join(text for path in package.rglob("*.py") for text in literals(path))
    quoted = MESSAGE.findall(TROUBLESHOOTING.partition(OF_SNAKEMAKE)[2])
    assert len(quoted) > 3
    assert [message for message in quoted if message not in said] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_the_files_that_a_page_names_exist(page: Path) -> None:
    made = {"src/valence_gap/figures/figure_14.py", "workflow/report/figure_14.rst"}  # by the tutorial on figures
    named = set(re.findall(rf"`((?:{FOLDERS})/[\w./-]+)`", page.read_text(encoding="utf-8"))) - made
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_each_example_is_shown_on_a_page() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} <= set(re.findall(r"examples/([\w.-]+)", text))


@pytest.mark.parametrize(
    "source", [*PAGES, *sorted(EXAMPLES.glob("*.sh"))], ids=lambda path: path.relative_to(DOCS).as_posix()
)
def test_the_command_line_understands_each_command(source: Path) -> None:
    parser = cli.parser()
    for arguments in commands(source, "valence-gap"):
        if arguments[0].isupper() or "..." in arguments[0]:
            continue  # a form such as `valence-gap COMMAND --help`
        try:
            parser.parse_args(arguments)
        except (SystemExit, argparse.ArgumentError):
            pytest.fail(f"valence-gap {' '.join(arguments)}")


def test_snakemake_has_each_target_that_a_command_names() -> None:
    rules = "\n".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    names = set(re.findall(r"^(?:rule|use rule \w+ as) (\w+)", rules, flags=re.MULTILINE))
    sources = [*PAGES, *EXAMPLES.glob("*.sh")]
    words = {word for source in sources for arguments in commands(source, "snakemake") for word in arguments[:1]}
    targets = {word for word in words if re.fullmatch(r"\w+", word)}
    assert {"corpora", "export", "fetch", "preflight"} <= targets <= names


def test_commands_are_found_in_pages_and_scripts() -> None:
    found = [arguments[0] for page in PAGES for arguments in commands(page, "valence-gap")]
    assert {"predict", "export", "export-audformat", "verify", "preflight"} <= set(found)
    (fetch,) = commands(EXAMPLES / "fetch-released.sh", "valence-gap")
    assert fetch == ["fetch-model"]


def test_make_test_builds_the_documentation() -> None:
    planned = subprocess.run(["make", "--dry-run", "test"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "python -m sphinx --fail-on-warning" in planned
    assert "docs/generate/check_links.py docs/_build/html" in planned
    assert "\nmake test" in (ROOT / ".ci/run").read_text()
