"""Main memory that the largest job of each rule needs, compared with what the rule requests."""

from collections.abc import Iterable

from valence_gap.preflight.costs import Costs
from valence_gap.preflight.findings import Finding

GB, MB = 1e9, 1e6
# As workflow/rules request; a test checks this. The memory of all other rules does not grow with the models.
REQUESTED_MEM_MB = {
    "fetch_pretrained": 4000,
    "fetch_checkpoint": 8000,
    "finetune": 8000,
    "train_cnn14": 8000,
    "predict": 4000,
    "pool_states": 4000,
    "transcribe": 4000,
    "embed_text": 4000,
}
TRAINED, LOADED = 16.0, 8.0  # bytes for each weight
RUNTIME, CPU_RUNTIME_BYTES = 2 * GB, GB  # of PyTorch with a GPU, and without
JOB_PROCESSES_MB = 300

Job = tuple[float, str]
"""Bytes that a job needs, and its model."""


def job_memory(costs: Costs) -> Finding:
    """Find the largest job of each rule, and state how to request more memory if the rule requests too little."""
    needed = {rule: max(jobs, key=lambda job: job[0]) for rule, jobs in _needs(costs).items() if jobs}
    if not needed:
        return Finding("machine", "job memory", "ok", "no job holds a model")
    details = [
        "; ".join(f"{rule} {size / GB:.1f} GB ({what})" for rule, (size, what) in needed.items()),
        "On a GPU: 16 bytes for each trained weight, while a checkpoint is written, and 8 for each loaded weight; "
        "plus 2 GB, or 1 GB to fetch. Data are mapped, not loaded.",
    ]
    more = {rule: round(size / MB + 50, -2) for rule, (size, _) in needed.items() if size / MB > REQUESTED_MEM_MB[rule]}
    if more:
        details += [
            "If the scheduler limits memory, request more:",
            "--set-resources " + " ".join(f"{rule}:mem_mb={size:.0f}" for rule, size in more.items()),
            "With profiles/slurm, that replaces all it sets. Instead, write into a copy of it, below set-resources:",
            *(f"{rule}: {{mem_mb: {size + JOB_PROCESSES_MB:.0f} * attempt}}" for rule, size in more.items()),
        ]
    summary = f"more than is asked for: {', '.join(more)}" if more else "the rules request enough"
    return Finding("machine", "job memory", "differs" if more else "ok", summary, tuple(details))


def _needs(costs: Costs) -> dict[str, list[Job]]:
    """Return the jobs of each rule."""
    study, plan = costs.study, costs.plan

    def held(models: Iterable[str], runtime: float = RUNTIME) -> list[Job]:
        return [(LOADED * costs.parameters(model) + runtime, model) for model in models]

    def read(backbones: Iterable[str | None], runtime: float) -> list[Job]:
        known = [name for name in backbones if name in costs.sizes]
        return [(LOADED * costs.sizes[name].parameters() + runtime, name) for name in known if name]

    def trained(*, cnn14: bool) -> list[Job]:
        models = [model for model, _ in plan.trainings if study.is_cnn14(model) == cnn14]
        bytes_of = {model: LOADED if study.models[model].frozen else TRAINED for model in models}
        return [(bytes_of[model] * costs.parameters(model) + RUNTIME, model) for model in models]

    fused = [(study.configuration.recogniser, study.configuration.text_encoder)] if plan.fusions else []
    return {
        "fetch_pretrained": read(plan.backbones, CPU_RUNTIME_BYTES),
        "fetch_checkpoint": held((model for model, _ in plan.checkpoints), CPU_RUNTIME_BYTES),
        "finetune": trained(cnn14=False),
        "train_cnn14": trained(cnn14=True),
        "predict": held(model for model, *_ in plan.predictions if model in study.models),
        "pool_states": held(study.audio_model(fusion) for fusion, _ in plan.fusions),
        "transcribe": read([recogniser for recogniser, _ in fused], RUNTIME),
        "embed_text": read([encoder for _, encoder in fused], RUNTIME),
    }
