"""How often do the intervals of the claims hold the true value, and how often do two runs contradict each other?

    python benchmarks/verdict_simulation.py results/miniature --repetitions 300 --output docs/verdict-simulation

Fits a population to the predictions of a finished run (see `fitted_scores.py`), draws test sets and trainings from it,
and judges them by the function that judges the claims, `valence_gap.claims.verdicts.evaluate`. Each repetition is one
test set on which every model is trained twice with other seeds, as two runs of the same study do. The results are a
page of the documentation and the same numbers as JSON.
"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).parent))
from fitted_scores import Population, fit, read_run

from valence_gap.claims.decisions import bounds, sides
from valence_gap.claims.file_evidence import Computed, FileEvidence
from valence_gap.claims.labelled_test_sets import EvidenceFiles, LabelledTestSet
from valence_gap.claims.verdicts import evaluate
from valence_gap.definitions.claims import Claims, Side, Statement
from valence_gap.definitions.evaluation import Evaluation
from valence_gap.definitions.figures import Run
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.scores.metrics import Floats

CORPUS, SEEDS = "msp-podcast", (42, 43, 44)
TUNED = ("w2v2-b", "hubert-b", "w2v2-L", "w2v2-L-robust", "w2v2-L-xls-r")
# The kind of each model, and how many seeds it has; one model with one seed borrows the variance of its kind.
KINDS = (
    {"cnn14": "CNN14"}
    | dict.fromkeys(TUNED, "fine-tuned")
    | {f"{name}-frozen": "frozen" for name in TUNED}
    | {"w2v2-L-robust-2": "fine-tuned"}
)
COUNTS = dict.fromkeys(KINDS, len(SEEDS)) | {"w2v2-L-robust-2": 1}
CLAIMS = Claims(
    roles={
        "transformers": TUNED,
        "best": "w2v2-L-robust",
        "clean-speech": "w2v2-L",
        "baseline": "cnn14",
        "half-depth": "w2v2-L-robust-2",
    },
    frozen={name: f"{name}-frozen" for name in TUNED},
    corpora={"in-domain": CORPUS},
)
# What is compared, as in the claims: quantity, models of the first side and of the second.
COMPARED: Mapping[str, tuple[str, str, str | None]] = {
    "best minus baseline": ("ccc", "best", "baseline"),
    "best minus clean-speech": ("ccc", "best", "clean-speech"),
    "half depth (one seed) minus best": ("ccc", "half-depth", "best"),
    "gain of tuning, mean of five": ("gain_of_tuning", "transformers", None),
}
EFFECTS = (0.05, 0.10)
# Effects of many claims, for the verdicts that differ between two runs; section 5 of the measurements has .06.
EFFECT_SD = 0.06


def statements() -> dict[tuple[str, str], Statement]:
    """One statement for each comparison and dimension, that it is above 0."""
    return {
        (name, dimension): Statement(
            id=f"{name} {dimension}".replace(" ", "-").replace("(", "").replace(")", "").replace(",", ""),
            section="IV-A",
            words="A simulated comparison is above its threshold.",
            quantity=quantity,
            first=Side(models=first, dimensions=(dimension,)),
            second=Side(models=second) if second else None,
            comparison="greater",
        )
        for name, (quantity, first, second) in COMPARED.items()
        for dimension in DIMENSIONS
    }


def true_value(name: str, cccs: Mapping[str, float]) -> float:
    """The value of a comparison on infinitely many speakers and seeds."""
    quantity, first, second = COMPARED[name]
    if quantity == "gain_of_tuning":
        return float(np.mean([cccs[model] - cccs[f"{model}-frozen"] for model in TUNED]))
    one, other = (str(CLAIMS.roles[role]) for role in (first, second or ""))
    return cccs[one] - cccs[other]


@dataclass(frozen=True)
class Judged:
    """The intervals of all comparisons in all repetitions, (repetitions, runs of one test set, comparisons)."""

    low: Floats
    high: Floats
    centre: Floats
    true: Floats

    def verdicts(self, effects: Floats) -> npt.NDArray[np.int64]:
        """1 supported, -1 contradicted, 0 inconclusive, if the true value is the threshold plus these effects."""
        limits = bounds(next(iter(statements().values())))
        shift = self.true - effects  # the threshold
        supports, contradicts = sides(
            self.low - shift, self.high - shift, [replace(one, limits=np.zeros(1)) for one in limits]
        )
        return supports.astype(np.int64) - contradicts.astype(np.int64)


def simulate(
    populations: Mapping[str, Population],
    speaker: npt.NDArray[np.int64],
    *,
    repetitions: int,
    resamples: int,
    seed: int = 0,
    utterances_only: bool = False,
) -> Judged:
    """Draw test sets and trainings, and judge every comparison.

    Args:
        populations: by dimension.
        speaker: the speaker of each utterance of a test set.
        repetitions: number of test sets; each has two runs.
        resamples: of each bootstrap.
        seed: of all draws.
        utterances_only: leave the seeds and the speakers out, for comparison.
    """
    asked = statements()
    truth = {name: dict(zip(KINDS, one.true_cccs(), strict=True)) for name, one in populations.items()}
    true = np.array([true_value(name, truth[dimension]) for name, dimension in asked])
    ends: Floats = np.empty((3, repetitions, 2, len(asked)))
    for repetition in range(repetitions):
        rng = np.random.default_rng([seed, repetition])
        drawn = {name: one.test_set(speaker, rng) for name, one in populations.items()}
        for run in range(2):
            evaluation = Evaluation(bootstrap=resamples, seed=repetition)
            evidence = evidence_of(populations, drawn, speaker, evaluation, rng, one_seed=utterances_only)
            results = evaluate(asked.values(), CLAIMS, evidence, confidence=0.95, kinds=KINDS)
            numbers = [(one.low, one.high, one.estimate) for one in results]
            ends[:, repetition, run] = np.array(numbers, dtype=np.float64).T
    return Judged(ends[0], ends[1], ends[2], true)


def evidence_of(
    populations: Mapping[str, Population],
    drawn: Mapping[str, tuple[Floats, Floats]],
    speaker: npt.NDArray[np.int64],
    evaluation: Evaluation,
    rng: np.random.Generator,
    *,
    one_seed: bool = False,
) -> FileEvidence:
    """Train every model on a test set: evidence as the claims read it from files."""
    predictions, runs = {}, []
    for index, model in enumerate(KINDS):
        seeds = SEEDS[: 1 if one_seed else COUNTS[model]]
        predictions[model, "clean"] = {
            one: np.stack([populations[name].training(index, *drawn[name], rng) for name in DIMENSIONS], axis=1).astype(
                np.float32
            )
            for one in seeds
        }
        runs += [(Run(model, one, CORPUS), Path()) for one in seeds]
    names = np.array([None if one_seed else f"s{number}" for number in speaker], dtype=object)
    tested = LabelledTestSet(
        truth={name: drawn[name][0] for name in DIMENSIONS},
        gender=np.full(len(speaker), None, dtype=object),
        speaker=names,
        predictions=predictions,
    )
    files = EvidenceFiles(predictions=tuple(runs))
    return FileEvidence(files, evaluation, computed=Computed(tested={CORPUS: tested}))


def numbers(judged: Judged, seed: int = 0) -> dict[str, float]:
    """Coverage, power, and how often two runs on one test set, or on different ones, differ or are reversed."""
    held = (judged.low <= judged.true) & (judged.true <= judged.high)
    found = {"coverage": float(held.mean()), "half_width": float((judged.high - judged.low).mean() / 2)}
    for effect in EFFECTS:
        found[f"power_{effect:.2f}"] = float((judged.verdicts(np.full_like(judged.true, effect)) > 0).mean())
    effects = EFFECT_SD * np.random.default_rng(seed).standard_normal((len(judged.low), 1, len(judged.true)))
    verdicts = judged.verdicts(effects)
    wrong = verdicts * np.where(effects > 0, 1, -1) < 0
    other = np.roll(judged.verdicts(np.roll(effects, 1, axis=0)), -1, axis=0)  # the same effects on the next test set
    for name, one, two in (("", verdicts[:, 0], verdicts[:, 1]), ("_other_test_set", verdicts[:, 0], other[:, 1])):
        found[f"reversed{name}"] = float((one * two < 0).mean())
        found[f"differing{name}"] = float((one != two).mean())
    return found | {"conclusive": float((verdicts != 0).mean()), "wrong": float(wrong.mean())}


def main() -> None:
    """Simulate, and write the page and the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="results of a finished study: results/miniature")
    parser.add_argument("--repetitions", type=int, default=300, help="number of test sets")
    parser.add_argument("--resamples", type=int, default=500, help="of each bootstrap")
    parser.add_argument("--output", type=Path, required=True, help="path of .md and .json, without suffix")
    args = parser.parse_args()
    started = time.monotonic()
    labels, speaker, runs = read_run(args.results, CORPUS, dict.fromkeys(KINDS, SEEDS))
    if missing := [model for model in KINDS if model not in runs]:
        parser.error(f"no predictions of {', '.join(missing)} on {CORPUS}")
    populations = {
        name: fit(
            labels[name].to_numpy(),
            speaker,
            {model: [run[name].to_numpy() for run in tables] for model, tables in runs.items()},
            KINDS,
        )
        for name in DIMENSIONS
    }
    found = {"fitted_to": {model: len(tables) for model, tables in runs.items()}}
    found |= simulated(populations, speaker, repetitions=args.repetitions, resamples=args.resamples)
    found |= {"cpu": cpu(), "seconds": round(time.monotonic() - started)}
    args.output.with_suffix(".json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    args.output.with_suffix(".md").write_text(page(found), encoding="utf-8")


def simulated(
    populations: Mapping[str, Population], speaker: npt.NDArray[np.int64], *, repetitions: int, resamples: int
) -> dict[str, Any]:
    """All numbers of the page."""
    judged = {
        label: simulate(populations, speaker, repetitions=repetitions, resamples=resamples, utterances_only=only)
        for label, only in (("both parts", False), ("utterances only, one seed", True))
    }
    return {
        "utterances": len(speaker),
        "speakers": int(speaker.max()) + 1,
        "repetitions": repetitions,
        "resamples": resamples,
        "populations": {name: fitted(one) for name, one in populations.items()},
        "results": {label: numbers(one) for label, one in judged.items()},
        "by_comparison": by_comparison(judged["both parts"]),
    }


def cpu() -> str:
    """The name of the processor."""
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def fitted(population: Population) -> dict[str, Any]:
    """The fitted numbers of a population, for the page."""
    cccs = population.true_cccs()
    return {
        "label_sd_between_speakers": population.label_sd[0],
        "label_sd_within_speakers": population.label_sd[1],
        "models": {
            model: {
                "ccc": float(cccs[index]),
                "slope_sd_of_seeds": float(population.slope_sd[index]),
                "noise_sd_of_seeds": float(population.noise_sd[index]),
                "error_sd_between_speakers": float(np.sqrt(population.between[index, index])),
                "error_sd_within_speakers": float(np.sqrt(population.within[index, index])),
            }
            for index, model in enumerate(KINDS)
        },
    }


def by_comparison(judged: Judged) -> list[dict[str, Any]]:
    """Coverage and power of each comparison and dimension."""
    rows: list[dict[str, Any]] = []
    for index, (name, dimension) in enumerate(statements()):
        one = Judged(
            *(values[..., index : index + 1] for values in (judged.low, judged.high, judged.centre, judged.true))
        )
        found = numbers(one)
        kept = ("coverage", "half_width", *(f"power_{effect:.2f}" for effect in EFFECTS))
        rows.append(
            {"comparison": name, "dimension": dimension, "true": float(one.true[0])} | {key: found[key] for key in kept}
        )
    return rows


ROWS = {
    "coverage": "coverage of a nominal 95 %",
    "half_width": "mean half width",
    "power_0.05": "power at an effect of .05",
    "power_0.10": "power at an effect of .10",
    "conclusive": "conclusive",
    "wrong": "conclusive and wrong",
    "reversed": "reversed between two runs on one test set",
    "differing": "differing between two runs on one test set",
    "reversed_other_test_set": "reversed between runs on two test sets",
    "differing_other_test_set": "differing between runs on two test sets",
}


def page(found: dict[str, Any]) -> str:
    """The page of the documentation."""
    results, models = found["results"], found["fitted_to"]
    share = {"half_width": "{:.3f}"}
    worst = min(found["by_comparison"], key=lambda row: float(row["coverage"]))
    doubt = (0.95 * 0.05 / found["repetitions"]) ** 0.5
    seeds = ", ".join(f"{model} {count}" for model, count in models.items())
    lines = [
        "# How far a verdict can be trusted: a simulation",
        "",
        "An interval of a claim holds the error of the test set and that of the training seeds. This page shows how",
        "often such intervals hold the true value, and how often two runs of one study contradict each other.",
        "Test sets and trainings were drawn from a population that is fitted to the predictions of a finished run,",
        "and judged by the function that judges the claims.",
        "",
        f"The run has {found['utterances']} utterances of {found['speakers']} speakers in the test set of {CORPUS},",
        f"and these seeds of each model: {seeds}.",
        f"{found['repetitions']} test sets were drawn, with two runs each (every model is trained twice with other",
        f"seeds), and {found['resamples']} resamples in each bootstrap. Shares are over",
        f"{len(found['by_comparison'])} comparisons. For verdicts, the effects are normal with a standard deviation of",
        f"{EFFECT_SD}.",
        "",
        f"| | {' | '.join(results)} |",
        "|---" * (len(results) + 1) + "|",
    ]
    for key, words in ROWS.items():
        cells = [share.get(key, "{:.1%}").format(row[key]) for row in results.values()]
        lines.append(f"| {words} | {' | '.join(cells)} |")
    lines += [
        "",
        "The second column is what an interval over utterances says of models with one seed each.",
        "",
        f"The lowest coverage of one comparison is {worst['coverage']:.1%}",
        f"({worst['comparison']}, {worst['dimension']}). Each is known to about {doubt:.1%}, the standard error of a",
        "share of 95 % over the test sets. Where errors differ much between speakers, a few",
        f"({found['speakers']} here) tell their variance roughly only.",
        "",
        "## By comparison, both parts",
        "",
        "| comparison | dimension | true value | coverage | mean half width | power .05 | power .10 |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in found["by_comparison"]:
        powers = " | ".join(f"{row[f'power_{effect:.2f}']:.1%}" for effect in EFFECTS)
        where = f"| {row['comparison']} | {row['dimension']} | {row['true']:.3f} "
        lines.append(f"{where}| {row['coverage']:.1%} | {row['half_width']:.3f} | {powers} |")
    lines += ["", "## The fitted variances", "", _variances(found["populations"])]
    lines += [
        "",
        f"Made by `python benchmarks/verdict_simulation.py results/miniature --repetitions {found['repetitions']} "
        f"--resamples {found['resamples']} --output docs/verdict-simulation` in {found['seconds']} s on",
        f"{found['cpu']}. The same numbers are in `docs/verdict-simulation.json`.",
    ]
    return "\n".join(lines) + "\n"


def _variances(populations: dict[str, Any]) -> str:
    head = ["dimension", "model", "kind", "CCC", "seeds: slope", "seeds: noise", "speakers", "utterances"]
    lines = [
        "Standard deviations, on the scale of the labels (0 to 1); that of the slope is a number without unit.",
        "",
    ]
    lines += [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    keys = ("ccc", "slope_sd_of_seeds", "noise_sd_of_seeds", "error_sd_between_speakers", "error_sd_within_speakers")
    for dimension, population in populations.items():
        for model, row in population["models"].items():
            numbers_of = " | ".join(f"{row[key]:.3f}" for key in keys)
            lines.append(f"| {dimension} | {model} | {KINDS[model]} | {numbers_of} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
