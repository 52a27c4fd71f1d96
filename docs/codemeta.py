"""Write ``codemeta.json`` and ``.zenodo.json`` from ``pyproject.toml`` and ``CITATION.cff``, or check that they agree.

python docs/codemeta.py [--check]
"""

import argparse
import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]


def codemeta(project: dict[str, Any], citation: dict[str, Any]) -> dict[str, Any]:
    """The description of the software in CodeMeta 3.0.

    Args:
        project: the table ``project`` of pyproject.toml.
        citation: the content of CITATION.cff.
    """
    paper = citation["preferred-citation"]
    return {
        "@context": "https://w3id.org/codemeta/3.0",
        "type": "SoftwareSourceCode",
        "name": project["name"],
        "description": project["description"],
        "version": project["version"],
        "datePublished": citation["date-released"],
        "license": f"https://spdx.org/licenses/{project['license']}",
        "programmingLanguage": "Python",
        "runtimePlatform": f"Python {project['requires-python']}",
        "operatingSystem": ["Linux", "macOS"],
        "keywords": citation["keywords"],
        "author": [{"type": "Organization", "name": author["name"]} for author in citation["authors"]],
        "softwareRequirements": [re.split("[<>=]", each)[0] for each in project["dependencies"]],
        "referencePublication": {
            "type": "ScholarlyArticle",
            "id": f"https://doi.org/{paper['doi']}",
            "name": paper["title"],
            "author": [
                {"type": "Person", "givenName": author["given-names"], "familyName": author["family-names"]}
                for author in paper["authors"]
            ],
        },
    }


def zenodo(project: dict[str, Any], citation: dict[str, Any]) -> dict[str, Any]:
    """The metadata of a release on Zenodo; the arguments are those of ``codemeta``."""
    return {
        "upload_type": "software",
        "title": citation["title"],
        "description": citation["abstract"],
        "version": project["version"],
        "publication_date": citation["date-released"],
        "license": project["license"],
        "access_right": "open",
        "keywords": citation["keywords"],
        "creators": [{"name": author["name"]} for author in citation["authors"]],
        "related_identifiers": [
            {"identifier": citation["preferred-citation"]["doi"], "relation": "isDerivedFrom", "scheme": "doi"}
        ],
    }


def main() -> None:
    """Write both files or, with ``--check``, name those that do not agree and exit with 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file does not agree")
    check = parser.parse_args().check
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    files = {"codemeta.json": codemeta(project, citation), ".zenodo.json": zenodo(project, citation)}
    texts = {name: json.dumps(content, indent=2, ensure_ascii=False) + "\n" for name, content in files.items()}
    differing = [name for name, text in texts.items() if not _is_content(ROOT / name, text)]
    if check:
        sys.exit(f"error: run python docs/codemeta.py: {', '.join(differing)} do not agree" if differing else 0)
    for name in differing:
        (ROOT / name).write_text(texts[name], encoding="utf-8")


def _is_content(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    main()
