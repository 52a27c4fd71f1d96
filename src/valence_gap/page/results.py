"""What the page reads from the folder of a study. Everything but the targets may be missing: that is then unknown."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from valence_gap.definitions.page import PageDescription
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import read_json


@dataclass(frozen=True)
class Results:
    """The results of a study.

    Attributes:
        folder: ``results/<study>``.
        description: the study.
        claims: ``claims.json``; None if the study evaluates no claims.
        scores: ``scores.csv``; None if the study has no scores.
        records: ``run.json`` of the trainings by (model, seed), as far as they are there.
        corpora: ``report.json`` by corpus, as far as they are there.
        converged: the verdict of the stopping rule by model ("yes", "no", "unknown"), as far as it is known.
    """

    folder: Path
    description: PageDescription
    claims: Mapping[str, Any] | None
    scores: pd.DataFrame | None
    records: Mapping[tuple[str, int], Mapping[str, Any]]
    corpora: Mapping[str, Mapping[str, Any]]
    converged: Mapping[str, str]

    def figure_csv(self, figure: str) -> pd.DataFrame | None:
        """The plotted numbers of a figure; None if the study does not draw it."""
        return pd.read_csv(self.folder / f"figures/{figure}.csv") if figure in self.description.targets else None

    def in_domain(self) -> str | None:
        """The corpus that models are trained on, or else the first one; None if there are none."""
        named = self.description.train_corpus
        return named or next((corpus.name for corpus in self.description.corpora), None)


def read_results(folder: Path, description: PageDescription) -> Results:
    """Read the results of a study.

    Raises:
        UserError: files of the targets are missing.
    """
    targets = description.targets
    needed = [folder / f"figures/{name}{end}" for name in targets if name.startswith("figure") for end in FIGURE_ENDS]
    needed += [folder / f"tables/{name}.md" for name in targets if name.startswith("table")]
    needed += [folder / "claims.json"] if "claims" in description.targets else []
    if missing := [str(path) for path in needed if not path.is_file()]:
        raise UserError("results of the study are missing", missing, "make the study's targets first: `snakemake`")
    runs = [(model.name, seed) for model in description.models for seed in model.seeds]
    records = {run: read_if_there(folder / f"models/{run[0]}/seed-{run[1]}/run.json") for run in runs}
    reports = {one.name: read_if_there(folder / f"corpora/{one.name}/report.json") for one in description.corpora}
    scores = folder / "scores.csv"
    return Results(
        folder=folder,
        description=description,
        claims=read_json(folder / "claims.json") if "claims" in description.targets else None,
        scores=pd.read_csv(scores) if scores.is_file() else None,
        records={run: record for run, record in records.items() if record},
        corpora={name: report for name, report in reports.items() if report},
        converged=_converged(read_if_there(folder / "convergence.json")),
    )


FIGURE_ENDS = (".png", ".csv")


def read_if_there(path: Path) -> Any:
    """The content of a JSON file; None if there is no such file."""
    return read_json(path) if path.is_file() else None


def _converged(content: Any) -> dict[str, str]:
    return {str(model): str(found["converged"]) for model, found in ((content or {}).get("models") or {}).items()}
