"""The pages of the documentation, and the package that generates parts of them."""

import re
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
EXAMPLES = DOCS / "examples"
PAGES = sorted(path for path in DOCS.rglob("*.md") if not {"_generated", "_build"} & set(path.parts))

if str(DOCS) not in sys.path:
    sys.path.append(str(DOCS))  # for `generate`


FENCE = re.compile(r"^ *(`{3,})(\S*)")


def blocks(path: Path, *languages: str) -> list[str]:
    """The code blocks of a page in some languages ('' is a block without a language)."""
    found, language, lines = [], "", []
    inside = False
    for line in path.read_text(encoding="utf-8").splitlines():
        if fence := FENCE.match(line):
            if inside and language in languages:
                found.append("\n".join(lines))
            inside, language, lines = not inside, fence[2], []
        elif inside:
            lines.append(line)
    return found


def commands(path: Path, program: str) -> list[list[str]]:
    """The arguments of each command in a script, or in the code blocks of a page, that calls a program."""
    texts = blocks(path, "", "bash") if path.suffix == ".md" else [path.read_text(encoding="utf-8")]
    # A quoted text may have several lines, and a backslash continues a line.
    command = re.compile(rf"^ *({program} (?:'[^']*'|\\\n|[^\n'])*)", re.MULTILINE)
    found = [one.replace("\\\n", " ") for text in texts for one in command.findall(text)]
    return [shlex.split(one, comments=True)[1:] for one in found]
