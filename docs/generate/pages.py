"""Sphinx extension: writes the generated parts of pages, and replaces links to files that are not in the site."""

import re
from pathlib import Path

from sphinx.application import Sphinx

from . import command_reference, configuration_reference, rule_graph

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs/_generated"
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""The site's page for a file of the project that is or was shown as Markdown elsewhere."""
NO_PAGES = ("_build", "_generated", "examples", "notebooks", "runs", "templates")
"""Folders of ``docs`` whose files are not pages of the site."""
RESULTS = (
    "miniature",
    "results",
    "claims",
    "verdicts",
    "verdict-simulation",
    "repeated-runs",
    "stopping-rule",
    "corpus_seeds",
    "deviations",
    "limits",
)
"""The pages on results in their order; some are written from a run, so they need not exist."""
LINK = re.compile(r"(?<!!)\[([^\]\n]+)\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")


def write_generated(app: Sphinx) -> None:
    """Write what pages include; a file that would stay the same keeps its time, so that little is built again."""
    FOLDER.mkdir(exist_ok=True)
    rules = rule_graph.read_rules()
    made = {
        "rules.md": rule_graph.table(rules),
        "commands.md": command_reference.reference(),
        "configuration.md": configuration_reference.reference(),
        "contents.md": results_contents(ROOT / "docs"),
    }
    for name, text in made.items():
        if not (FOLDER / name).exists() or (FOLDER / name).read_text(encoding="utf-8") != text:
            (FOLDER / name).write_text(text, encoding="utf-8")
    rule_graph.draw(rule_graph.simplified(rules.graph), FOLDER / "rules.svg")


def results_contents(docs: Path) -> str:
    """The table of contents of the pages on results; a page that no table names is at its end, so that it is found."""
    index = (docs / "index.md").read_text(encoding="utf-8").splitlines()
    others = sorted({page.stem for page in docs.glob("*.md")} - {*index, *RESULTS, "index"})
    names = [name for name in (*RESULTS, *others) if (docs / f"{name}.md").is_file()]
    return "\n".join(["```{toctree}", ":caption: Results", ":hidden:", "", *names, "```", ""])


def with_working_links(text: str, page: Path) -> str:
    """Replace links that lead out of ``docs``: to the page of a file, if it has one, otherwise to the file's bare name.

    Args:
        text: Markdown of a page.
        page: the file that it is from; its links are relative to this file.
    """

    def replace(match: re.Match[str]) -> str:
        label, target = match[1], match[2]
        file = (page.parent / target).resolve()
        if not file.is_relative_to(ROOT):
            return match[0]
        path = file.relative_to(ROOT).as_posix()
        if path in PAGES:
            return f"[{label}](/{PAGES[path]})"
        if path.startswith("docs/") and Path(path).parts[1] not in NO_PAGES and not file.is_dir():
            in_site = page.is_relative_to(ROOT / "docs")
            return match[0] if in_site else f"[{label}](/{path.removeprefix('docs/')}{match[3] or ''})"
        return f"`{path}`" if label.strip("`") in (path, Path(path).name) else f"{label} (`{path}`)"

    return LINK.sub(replace, text)


def rewrite(app: Sphinx, docname: str, source: list[str]) -> None:
    """Rewrite the links of a page when it is read."""
    source[0] = with_working_links(source[0], Path(app.env.doc2path(docname)))


def rewrite_included(app: Sphinx, path: Path, docname: str, content: list[str]) -> None:
    """Rewrite the links of a file that a page includes."""
    content[0] = with_working_links(content[0], ROOT / "docs" / path)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the extension."""
    app.connect("builder-inited", write_generated)
    app.connect("source-read", rewrite)
    app.connect("include-read", rewrite_included)
    return {"parallel_read_safe": True}
