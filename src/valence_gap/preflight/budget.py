"""Disk and memory that a study needs, compared with what this machine has."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from valence_gap.preflight.cards import Cards, find_cards, largest_name
from valence_gap.preflight.costs import Costs
from valence_gap.preflight.findings import Finding, Status
from valence_gap.preflight.finished import Measured, finished_jobs, measured
from valence_gap.preflight.rates import MEASURED_CARD, GpuMachine
from valence_gap.preflight.work import jobs_of
from valence_gap.runtime.files import is_scratch
from valence_gap.runtime.gpus import UNUSABLE, unused_gpu
from valence_gap.study.study import Study
from valence_gap.training.card_memory import ACTIVATIONS

GB = 1e9
CARDS_GB = (24, 11)


def disk(study: Study, costs: Costs) -> Finding:
    """Compare the disk space that the study needs, less what it has already written, with the free space."""
    parts = costs.disk()
    needed = sum(parts.values())
    made = sum(_size(Path(study.results) / name) for name in ("audio", "features", "models", "predictions", "scratch"))
    made += sum(_size(Path(study.pretrained_folder(name))) for name in costs.plan.backbones)
    free = shutil.disk_usage(_existing(Path(study.results))).free
    details = [", ".join(f"{what} {size / GB:.1f}" for what, size in parts.items() if size) + " GB"]
    least = needed
    if features := costs.features():
        kept = study.configuration.keep_features
        alone = needed - sum(features.values()) + max(features.values())
        least = needed if kept else alone
        details.append(
            "Stem features are "
            + ("kept, for models that are added later; with keep_features: false, " if kept else "deleted after use: ")
            + f"{alone / GB:.0f} GB suffice if those of one backbone at a time are there."
        )
    status: Status = "ok" if needed - made <= free else "differs" if least - made <= free else "wrong"
    if status != "ok":
        conditions = "cached_conditions: [], and if that is not enough, " if costs.conditions_cached() else ""
        details.append(
            f"Free disk space, or do not cache the largest stem features: {conditions}cached_splits: [dev, test]."
        )
    found = f"at most {needed / GB:.0f} GB needed, {made / GB:.0f} GB of them there, {free / GB:.0f} GB free"
    return Finding("machine", "disk", status, found, tuple(details))


def memory(costs: Costs) -> Finding:
    """Main memory of the largest training, which holds a checkpoint while it is written."""
    largest = max((costs.parameters(model) for model, _ in costs.plan.trainings), default=0)
    needed, capacity = 16.0 * largest + 2 * GB, _main_memory()
    found = f"about {needed / GB:.0f} GB for the largest training, {capacity / GB:.0f} GB here"
    return Finding(
        "machine",
        "memory",
        "ok" if needed <= capacity else "differs",
        found,
        ("16 bytes per weight while a checkpoint is written, and 2 GB; data are mapped, not loaded.",),
    )


def card_memory(costs: Costs) -> Finding:
    """Compare the GPU memory of the most demanding training with the GPU of this machine; list each recipe's need."""
    needs = {model: costs.card_memory(model) for model, _ in costs.plan.trainings}
    if not needs:
        return Finding("machine", "card memory", "ok", "nothing is trained")
    model = max(needs, key=lambda name: needs[name])
    found_jobs = finished_jobs(costs.study, jobs_of(costs))
    finished = measured(found_jobs, GpuMachine(MEASURED_CARD), gpu=True, here=largest_name())
    details = [
        *_by_recipe(costs, needs),
        *_of_finished(finished),
        f"Roughly: 16 B per trained weight; {ACTIVATIONS} B per hidden unit, layer and frame of a batch of the longest "
        "utterances; 40 MB per second of such a batch where the stem is trained; 1.5 GB. micro_batch_size leaves the "
        "loss that of the whole batch; micro_batch_size and activation_checkpointing are keys of recipes.<name>.",
    ]
    found = f"about {needs[model] / GB:.0f} GB ({model})"
    here = find_cards()
    if here.problem:
        return _unusable(here, found, details)
    if not here.cards:
        details += [sentence] if (sentence := unused_gpu()) else []
        return Finding("machine", "card memory", "unknown", f"{found}; no card is seen here", tuple(details))
    card = max(here.cards, key=lambda each: each.memory)
    bf16, fitted = card.multiplies_in_bf16 is not False, finished.memory if finished.device == card.name else {}
    over = [
        other
        for other in needs
        if other not in fitted and costs.card_memory(other, capacity=card.memory, bf16=bf16) > card.memory
    ]
    if not bf16:
        details.append(f"{card.name} has no products in bfloat16: precision: auto is float32 there, with more memory.")
    if over:
        details.append(f"Too large for it as they are: {', '.join(over)}.")
    status: Status = "differs" if over else "ok"
    return Finding(
        "machine", "card memory", status, f"{found}; {card.name} has {card.memory / GB:.0f} GB", tuple(details)
    )


def _unusable(here: Cards, needed: str, details: Sequence[str]) -> Finding:
    """Report that PyTorch cannot use the GPU: a job that was given it stops, others compute on the CPU."""
    name = here.cards[0].name if here.cards else "the GPU of this machine"
    status: Status = "wrong" if here.given else "differs"
    then = f"jobs will stop, since {here.given}" if here.given else "jobs will compute on the CPU"
    found = f"{needed}; {name} cannot be used by PyTorch: {then}"
    return Finding("machine", "card memory", status, found, (f"{here.problem}.", UNUSABLE, *details))


def _of_finished(finished: Measured) -> list[str]:
    """The memory that finished trainings reserved on a GPU, in one line; none without them."""
    if not finished.memory:
        return []
    each = ", ".join(f"{model} {size / GB:.1f} GB" for model, size in finished.memory.items())
    return [f"Reserved by finished trainings on {finished.device}: {each}."]


def _by_recipe(costs: Costs, needs: Mapping[str, float]) -> list[str]:
    """GPU memory of the most demanding model of each recipe, and how it fits smaller GPUs."""
    models: dict[str, list[str]] = {}
    for model in needs:
        models.setdefault(str(costs.study.models[model].recipe), []).append(model)
    lines = []
    for recipe, names in models.items():
        model = max(names, key=lambda name: needs[name])
        ways = "; ".join(f"on {size} GB {_how_it_fits(costs, model, size * GB)}" for size in CARDS_GB)
        lines.append(f"{recipe}: {needs[model] / GB:.0f} GB ({model}); {ways}")
    return lines


def _how_it_fits(costs: Costs, model: str, capacity: float) -> str:
    """How a training fits a GPU: as it is, else with a smaller micro-batch, else with recomputation as well."""
    recipe = costs.study.recipe(model)
    if costs.card_memory(model) <= capacity:
        return "as it is"
    if costs.study.is_cnn14(model):
        return "not: batch normalisation needs the whole batch"
    if recipe.micro_batch_size == "auto" and costs.card_memory(model, capacity=capacity) <= capacity:
        return f"with the {costs.utterances_at_once(model, recipe, capacity)} utterances at once that auto chooses"
    for recomputed in (False, True):
        pieces = costs.utterances_at_once(model, recipe, capacity)
        while pieces >= 1:
            smaller = replace(recipe, micro_batch_size=pieces, activation_checkpointing=recomputed)
            if costs.card_memory(model, smaller) <= capacity:
                return f"with micro_batch_size: {pieces}" + (", activation_checkpointing: true" if recomputed else "")
            pieces //= 2
    return "not"


def _existing(path: Path) -> Path:
    """Return the path itself or its nearest parent that exists."""
    return next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())


def _size(folder: Path) -> int:
    """Bytes of all finished files below a folder."""
    finished = (file for file in folder.rglob("*") if not is_scratch(file.relative_to(folder)))
    return sum(file.stat().st_size for file in finished if file.is_file()) if folder.is_dir() else 0


def _main_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
