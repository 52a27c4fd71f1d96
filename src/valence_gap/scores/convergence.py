"""Apply the stopping rule to finished trainings, and write what it says: the sub-command ``convergence``."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from valence_gap.definitions.convergence import DOUBLED
from valence_gap.definitions.figures import Run
from valence_gap.runtime.data_files import write_csv
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import read_json, write_json, write_text
from valence_gap.scores.stopping_rule import (
    DOUBLED_GAIN,
    FINAL_PART,
    LATE_GAIN,
    PLATEAU,
    Answer,
    Convergence,
    doubled_gains,
    judge,
    measure,
)
from valence_gap.scores.training_logs import read_epochs

CURVES = ["model", "seed", "epoch", "loss", "dev_arousal", "dev_dominance", "dev_valence"]
Logs = Sequence[tuple[Run, Path]]


@dataclass(frozen=True)
class Report:
    """What the stopping rule says of some models.

    Attributes:
        models: one for each model that is not itself a doubled one.
        measured: the rows of :func:`valence_gap.scores.stopping_rule.measure`; with ``doubled_gain``: (b), the same for
            all seeds of a model, NaN if it is not known.
        curves: loss and dev CCC of every training and epoch, doubled ones included.
    """

    models: tuple[Convergence, ...]
    measured: pd.DataFrame
    curves: pd.DataFrame

    def summary(self) -> str:
        """One line: how many models have converged."""
        count = {answer: sum(one.converged == answer for one in self.models) for answer in ("yes", "no", "unknown")}
        models = f"{len(self.models)} model" + ("" if len(self.models) == 1 else "s")
        return f"{models} by the stopping rule: {count['yes']} converged, {count['no']} not, {count['unknown']} unknown"


def training_logs(results: Path) -> Logs:
    """The training logs of a folder ``results/<study>``.

    Raises:
        UserError: it has none.
    """
    found = sorted(results.glob("models/*/seed-*/training.csv"))
    logs = [(Run(path.parts[-3], int(path.parts[-2].removeprefix("seed-"))), path) for path in found]
    if not logs:
        remedy = "Name a folder such as results/miniature in which models have been trained."
        raise UserError("there is no training log", [f"{results}/models/*/seed-*/training.csv"], remedy)
    return logs


def check_convergence(logs: Logs, longer: Logs = ()) -> Report:
    """Apply the stopping rule to finished trainings.

    A model whose name is that of another one with ``-doubled`` behind it is that one, trained for twice as many epochs.

    Args:
        logs: ``training.csv`` of each training, with ``run.json`` beside it.
        longer: the same of a study in which models of the same name have twice as many epochs.

    Raises:
        UserError: there are no trainings, files are not training logs, or a training that is meant to have twice as
            many epochs has others, or differs in something else.
    """
    if not logs:
        raise UserError("there is no training log", remedy="Pass a folder such as results/miniature.")
    paths: dict[str, dict[int, Path]] = {run.model: {} for run, _ in logs}
    for run, path in logs:
        paths[run.model][run.seed] = path
    twice: dict[str, tuple[str, dict[int, Path]]] = {}
    for run, path in longer:
        twice.setdefault(run.model, (run.model, {}))[1][run.seed] = path
    twice |= {name: (name + DOUBLED, paths[name + DOUBLED]) for name in paths if name + DOUBLED in paths}
    checked = [name for name in paths if not (name.endswith(DOUBLED) and name.removesuffix(DOUBLED) in paths)]
    _check_doubled({name: paths[name] for name in checked if name in twice}, twice)
    curves = _curves(logs)
    models, tables = [], []
    for name in checked:
        measured = measure(curves[curves["model"] == name])
        longer_name, longer_logs = twice.get(name, ("", {}))
        longer_curves = [(Run(longer_name, seed), path) for seed, path in longer_logs.items()]
        doubled = measure(_curves(longer_curves)) if longer_curves else None
        same = doubled is None and all(_would_stop(path, measured, seed) for seed, path in paths[name].items())
        models.append(judge(name, measured, doubled, longer_name, same_twice=same))
        gains = doubled_gains(measured, doubled) if models[-1].doubled != "unknown" and doubled is not None else {}
        tables.append(measured.assign(doubled_gain=measured["dimension"].map(gains).astype(float)))
    return Report(tuple(models), pd.concat(tables, ignore_index=True), curves)


def _curves(logs: Logs) -> pd.DataFrame:
    tables, wrong = [], []
    for run, path in logs:
        table = read_epochs(path)
        missing = [name for name in CURVES[2:] if name not in table]
        wrong += [f"{path}: no column {name}" for name in missing]
        tables.append(table.assign(model=run.model, seed=run.seed))
    if wrong:
        raise UserError("files are not training logs", wrong, "Train these models again.")
    return pd.concat(tables, ignore_index=True)[CURVES]


def _definition(log: Path) -> dict[str, Any] | None:
    """What determines a training, from the record beside its log; None if there is no record."""
    record = log.with_name("run.json")
    found: dict[str, Any] | None = read_json(record).get("definition") if record.is_file() else None
    return found


def _would_stop(log: Path, measured: pd.DataFrame, seed: int) -> bool:
    """Whether twice as many epochs would be the same training: it was stopped early, at a constant learning rate."""
    recipe = (_definition(log) or {}).get("recipe", {})
    epochs = int(measured.loc[measured["seed"] == seed, "epochs"].iloc[0])
    return recipe.get("schedule") == "constant" and bool(recipe.get("patience")) and epochs < recipe.get("epochs", 0)


def _check_doubled(logs: Mapping[str, Mapping[int, Path]], twice: Mapping[str, tuple[str, Mapping[int, Path]]]) -> None:
    """Refuse trainings that are meant to have twice as many epochs and do not, or that differ in something else."""
    wrong = []
    for name, paths in logs.items():
        longer = twice[name][1]
        for seed in sorted(set(paths) & set(longer)):
            one, other = _definition(paths[seed]), _definition(longer[seed])
            if one is None or other is None:
                continue  # trainings from elsewhere, without a record
            epochs = [each["recipe"].pop("epochs") for each in (one, other)]
            if epochs[1] != 2 * epochs[0]:
                wrong.append(f"{longer[seed]}: {epochs[1]} epochs, not twice the {epochs[0]} of {name}")
            wrong += [f"{longer[seed]}: differs from {name} in {key}" for key in _differing(one, other)]
    if wrong:
        remedy = "Compare a model with itself, trained with `epochs` doubled: `convergence: {doubled: [MODEL]}`."
        raise UserError("trainings cannot be compared", wrong, remedy)


def _differing(one: Mapping[str, Any], other: Mapping[str, Any], place: str = "") -> list[str]:
    """The keys whose values differ: ['recipe.learning_rate']."""
    found = []
    for key in sorted({*one, *other}):
        a, b = one.get(key), other.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            found += _differing(a, b, f"{place}{key}.")
        elif a != b:
            found.append(f"{place}{key}")
    return found


def write_report(report: Report, output_stem: Path) -> None:
    """Write a report, without its curves, as ``.csv``, ``.md`` and ``.json``; the stem is their path without suffix."""
    write_csv(output_stem.with_name(f"{output_stem.name}.csv"), report.measured)
    write_text(output_stem.with_name(f"{output_stem.name}.md"), as_markdown(report))
    write_json(output_stem.with_name(f"{output_stem.name}.json"), as_json(report))


def as_json(report: Report) -> dict[str, Any]:
    """The rule, and for each model its answers: ``converged`` is yes, no or unknown, ``mark`` a comparison's mark."""
    rule = {"final_part": FINAL_PART, "late_gain": LATE_GAIN, "doubled_gain": DOUBLED_GAIN, "plateau": PLATEAU}
    models = {
        one.model: {"converged": one.converged, "mark": one.mark} | dataclasses.asdict(one) for one in report.models
    }
    return {"summary": report.summary(), "rule": rule, "models": models}


def as_markdown(report: Report) -> str:
    """A page: the rule, one row for each model, and why a model has not converged."""
    lines = [
        "# Stopping rule",
        "",
        f"**{report.summary()}.**",
        "",
        "A model was trained long enough if, for arousal, dominance and valence each, "
        f"(a) in every training seed the best dev CCC of the last quarter of the epochs is at most {LATE_GAIN:g} above "
        f"the best before; (b) twice as many epochs, with the schedule stretched, raise the best dev CCC by at most "
        f"{DOUBLED_GAIN:g} in the mean over the seeds; (c) no training stayed on its first plateau: its best dev CCC "
        f"is above {PLATEAU:g}. The largest gain of all seeds and dimensions is shown. Trainings that early stopping "
        "ended at a constant learning rate meet (b), because more epochs would change nothing. Where (b) was not "
        "tried and all else is met, it is unknown whether the model has converged.",
        "",
        "| Model | Converged | Seeds | Epochs | (a) | Late gain | (b) | Gain of twice as many | (c) | Lowest best |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [_row(one, report.measured[report.measured["model"] == one.model]) for one in report.models]
    reasons = [f"- {one.model}: {text}" for one in report.models for text in one.why if one.converged == "no"]
    kept = [text for text in reasons if "not trained for twice" not in text]
    return "\n".join([*lines, *(["", "## Why not", "", *kept] if kept else [])]) + "\n"


def _row(one: Convergence, measured: pd.DataFrame) -> str:
    epochs = sorted(set(one.epochs))
    cells = [
        one.model,
        f"**{one.converged}**",
        str(len(one.seeds)),
        str(epochs[0]) if len(epochs) == 1 else f"{epochs[0]} to {epochs[-1]}",
        *_cells(one.late, measured["late_gain"].max()),
        *_cells(one.doubled, measured["doubled_gain"].max()),
        *_cells(one.left_plateau, measured["best"].min()),
    ]
    return "| " + " | ".join(cells) + " |"


def _cells(answer: Answer, value: float) -> tuple[str, str]:
    return answer, "–" if pd.isna(value) else f"{value:.3f}".replace("-", "−")
