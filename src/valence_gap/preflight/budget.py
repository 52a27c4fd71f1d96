"""Disk, memory and hours that a study needs, compared with what this machine has."""

import os
import shutil
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from valence_gap.preflight.cards import Card, Cards, find_cards
from valence_gap.preflight.costs import TFLOPS, Costs, Work
from valence_gap.preflight.findings import Finding, Status
from valence_gap.preflight.finished import Measured, is_done, measured
from valence_gap.runtime.files import is_scratch
from valence_gap.runtime.gpus import UNUSABLE, unused_gpu
from valence_gap.study.study import Study
from valence_gap.training.card_memory import ACTIVATIONS

KINDS = {
    "finetune": "fine-tuning of transformers",
    "cnn14": "training of CNN14",
    "pool": "states of frozen models and for fusions",
    "predict": "predictions",
    "stem": "stem features",
    "transcribe": "transcription",
}
GB = 1e9
CARDS_GB = (24, 11)
COARSER = 5  # times the step of the evaluations, whose saving is stated


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
        details.append(
            "Free disk space, or do not cache the largest split's stem features: cached_splits: [dev, test]."
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
    finished = measured(costs.study, costs.work(), _name_here())
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
    bf16, fitted = card.multiplies_in_bf16 is not False, finished.memory if finished.gpu == card.name else {}
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


def _name_here() -> str:
    """Name of the largest GPU of this machine; empty if there is none."""
    return max(find_cards().cards, key=lambda each: each.memory, default=Card("", 0.0)).name


def _of_finished(finished: Measured) -> list[str]:
    """The memory that finished trainings reserved on a GPU, in one line; none without them."""
    if not finished.memory:
        return []
    each = ", ".join(f"{model} {size / GB:.1f} GB" for model, size in finished.memory.items())
    return [f"Reserved by finished trainings on {finished.gpu}: {each}."]


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


def hours(study: Study, costs: Costs, *, card: str, utilisation: float) -> Finding:
    """Estimate the hours on one GPU, by kind of work, and list the assumptions."""
    work = costs.work()
    is_known = not any(speech.assumed for splits in costs.amounts.values() for speech in splits.values())
    from_trainings = measured(study, work, _name_here())
    rates = from_trainings.rates
    stated = TFLOPS[card] * 1e12 * utilisation
    speed = {kind: statistics.median(rates[kind]) if kind in rates else stated for kind in KINDS}
    total = {kind: sum(one.flop for one in work if one.kind == kind) / speed[kind] / 3600 for kind in KINDS}
    done = [one for one in work if one.flop_per_s is not None and is_done(study, one)]
    spent = sum(one.flop / speed[one.kind] for one in done) / 3600
    details = [_share(work, kind, hours_of) for kind, hours_of in total.items() if hours_of]
    details += _evaluations(costs, work, speed, sum(total.values()))
    details.append(
        f"Assumed: {card} at {TFLOPS[card]} TFLOP/s (dense bf16), {utilisation:.0%} of it used"
        + (f"; rates of finished trainings for: {', '.join(sorted(rates))} (on {from_trainings.gpu})" if rates else "")
        + ". FLOP from layers, hidden units and hours of audio; training is three times forward. Decoding, "
        "augmentation, synthesis, scores and figures run on the CPU and are not counted."
    )
    sizes = costs.sizes | costs.finished
    if any(size.assumed for size in sizes.values()):
        names = ", ".join(name for name, size in sizes.items() if size.assumed)
        details.append(f"Assumed large encoders (24 x 1024), because their configuration is not here: {names}.")
    if not is_known:
        details.append("For corpora that could not be read: the paper's hours, and a fifth of train as dev split.")
    whole = sum(total.values())
    if not whole:
        return Finding("machine", "GPU hours", "unknown", "no audio to estimate from yet", tuple(details))
    found = f"about {whole:.1f} hours on one card ({sum(one.flop for one in work) / 1e18:.2f} EFLOP)"
    if done:
        found += f", {spent:.1f} of them done"
    return Finding("machine", "GPU hours", "ok" if is_known else "unknown", found, tuple(details))


def _evaluations(costs: Costs, work: Sequence[Work], speed: Mapping[str, float], whole: float) -> list[str]:
    """The price of evaluations within epochs, and what a coarser step would save, in one line; none without them."""
    numbers: dict[str, int] = {}
    spent = coarser = once = 0.0
    for one in work:
        model = one.name.rpartition(" seed ")[0]
        if not one.evaluated_flop:
            continue
        recipe = costs.study.recipe(model)
        number, hours_of = costs.evaluations(model, recipe), one.evaluated_flop / speed[one.kind] / 3600
        spent += hours_of
        once += hours_of * (1 - recipe.epochs / number)
        if recipe.evaluate_every is not None:
            fewer = replace(recipe, evaluate_every=COARSER * recipe.evaluate_every)
            coarser += hours_of * (1 - costs.evaluations(model, fewer) / number)
            name = str(costs.study.models[model].recipe)
            numbers[name] = max(numbers.get(name, 0), number)
    if not numbers:
        return []
    each = ", ".join(f"{number} in a training of {recipe}" for recipe, number in numbers.items())
    return [
        f"{spent:.2f} h of them ({spent / whole:.0%}) evaluate the dev set: {each}. An evaluate_every {COARSER} times "
        f"as large would save {coarser:.2f} h, and null, once an epoch, {once:.2f} h."
    ]


def _share(work: Sequence[Work], kind: str, hours_of: float) -> str:
    jobs = [one for one in work if one.kind == kind]
    most = max(jobs, key=lambda one: one.flop)
    share = most.flop / sum(one.flop for one in jobs)
    return f"{hours_of:.2f} h {KINDS[kind]} ({len(jobs)} jobs; the longest, {most.name}, {share * hours_of:.2f} h)"


def _existing(path: Path) -> Path:
    """Return the path itself or its nearest parent that exists."""
    return next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())


def _size(folder: Path) -> int:
    """Bytes of all finished files below a folder."""
    finished = (file for file in folder.rglob("*") if not is_scratch(file.relative_to(folder)))
    return sum(file.stat().st_size for file in finished if file.is_file()) if folder.is_dir() else 0


def _main_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
