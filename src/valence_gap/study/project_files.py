"""Files of the project that a study uses, wherever Snakemake runs.

The workflow runs in its own folder, in another one (``snakemake -s PATH/Snakefile``, ``--directory``) or as a module of
another workflow. Results are written below the working directory; the files that the project ships stay where they are.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def seen_from_here(folder: Path) -> Path:
    """A folder as a path from the working directory: relative if it is in there, otherwise absolute.

    In the project's own folder this keeps the text of every path, so that no finished result looks outdated.
    """
    folder, here = folder.resolve(), Path.cwd().resolve()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def with_project_sources(config: Mapping[str, Any], project: Path) -> dict[str, Any]:
    """A configuration in which the models that the project ships are found from the working directory.

    A relative source of a backbone or checkpoint gets the project's folder in front of it if that folder exists there
    and not in the working directory.

    Args:
        config: the merged configuration; what is not valid in it is kept, for the checks to report.
        project: the folder of the Snakefile, as seen from the working directory.
    """
    found = dict(config)
    for section in ("backbones", "models"):
        if isinstance(definitions := config.get(section), Mapping):
            found[section] = {name: _with_project_source(value, project) for name, value in definitions.items()}
    return found


def _with_project_source(definition: Any, project: Path) -> Any:
    if not isinstance(definition, Mapping):
        return definition
    found = {**definition}
    source = found.get("source")
    if isinstance(source, str) and _is_of_project(source, project):
        found["source"] = str(project / source)
    if "checkpoint" in found:
        found["checkpoint"] = _with_project_source(found["checkpoint"], project)
    return found


def _is_of_project(source: str, project: Path) -> bool:
    return source.startswith(("./", "../")) and not Path(source).is_dir() and (project / source).is_dir()


def name_project_for_conda(project: Path) -> None:
    """Set ``VALENCE_GAP_PROJECT``, from which ``envs/valence-gap.yaml`` installs the project.

    Snakemake copies that file into another folder before conda reads it, so a relative path in it would not be found.
    """
    os.environ["VALENCE_GAP_PROJECT"] = str(project.resolve())
