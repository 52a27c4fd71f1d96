"""Main memory that the largest job of each rule needs, compared with what the rule requests."""

from collections.abc import Iterable

from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.values import Split
from valence_gap.preflight.costs import Costs
from valence_gap.preflight.findings import Finding

GB, MB = 1e9, 1e6
# As workflow/rules request; a test checks this. The memory of all other rules does not grow with the models.
REQUESTED_MEM_MB = {
    "fetch_pretrained": 4000,
    "fetch_checkpoint": 8000,
    "finetune": 8000,
    "train_cnn14": 8000,
    "predict": 5000,
    "predict_conditions": 5000,
    "pool_states": 5000,
    "transcribe": 4000,
    "embed_text": 4000,
}
TRAINED, LOADED = 16.0, 8.0  # bytes for each weight
RUNTIME, CPU_RUNTIME_BYTES = 2 * GB, GB  # of PyTorch with a GPU, and without
JOB_PROCESSES_MB = 300
STATES = 4.0 + 2.0  # bytes for each value of the pooled states: float32, and float16 to store it
STATES_FOR_A_HEAD = 4.0  # those that the head of a frozen model is trained on
ROW = 300.0  # bytes for each row of a table of predictions, twice while the tables of the conditions are joined

FUSED_SPLITS: tuple[Split, ...] = ("train", "dev")

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
        "plus 2 GB, or 1 GB to fetch; 6 bytes for each stored value of the pooled states of clean speech, 4 for those "
        "that the head of a frozen model is trained on; 300 bytes for each predicted row. Audio and features are "
        "mapped, not loaded.",
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

    def held(model: str, runtime: float = RUNTIME) -> float:
        return LOADED * costs.parameters(model) + runtime

    def read(backbones: Iterable[str | None], runtime: float) -> list[Job]:
        known = [name for name in backbones if name in costs.sizes]
        return [(LOADED * costs.sizes[name].parameters() + runtime, name) for name in known if name]

    def trained(*, cnn14: bool) -> list[Job]:
        models = [model for model, _ in plan.trainings if study.is_cnn14(model) == cnn14]
        return [(_training(costs, model), model) for model in models]

    def predicted(*, clean: bool) -> list[Job]:
        runs = [run for run in plan.predictions if run[0] in study.models and (run[2] == CLEAN) == clean]
        return [(held(model) + _results(costs, model, name, corpus), model) for model, _, name, corpus in runs]

    def pooled() -> Iterable[Job]:
        for model in {study.audio_model(fusion) for fusion, _ in plan.fusions}:
            rows = max(costs.pooled_values(model, costs.train, split) for split in FUSED_SPLITS)
            yield held(model) + STATES * rows, model

    fused = [(study.configuration.recogniser, study.configuration.text_encoder)] if plan.fusions else []
    return {
        "fetch_pretrained": read(plan.backbones, CPU_RUNTIME_BYTES),
        "fetch_checkpoint": [(held(model, CPU_RUNTIME_BYTES), model) for model, _ in plan.checkpoints],
        "finetune": trained(cnn14=False),
        "train_cnn14": trained(cnn14=True),
        "predict": predicted(clean=True),
        "predict_conditions": predicted(clean=False),
        "pool_states": list(pooled()),
        "transcribe": read([recogniser for recogniser, _ in fused], RUNTIME),
        "embed_text": read([encoder for _, encoder in fused], RUNTIME),
    }


def _training(costs: Costs, model: str) -> float:
    """Bytes of a training; the head of a frozen model is trained on pooled states, which are held in memory."""
    row = costs.study.models[model]
    if not row.frozen:
        return TRAINED * costs.parameters(model) + RUNTIME
    train, dev = (costs.pooled_values(model, costs.train, split) for split in FUSED_SPLITS)
    return LOADED * costs.parameters(model) + RUNTIME + STATES_FOR_A_HEAD * (train * row.fraction + dev)


def _results(costs: Costs, model: str, conditions: str, corpus: str) -> float:
    """Bytes of the predictions of a set of conditions, and of the pooled states, which are kept for clean speech."""
    rows = costs.conditions(conditions, corpus)[0] * costs.speech(corpus, "test").utterances
    return ROW * rows + (STATES * costs.pooled_values(model, corpus, "test") if conditions == CLEAN else 0.0)
