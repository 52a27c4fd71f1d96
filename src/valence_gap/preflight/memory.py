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
# Bytes for each second of an utterance, which a model reads whole. In the stem, which takes at most a minute at once,
# the output of its first convolution (3,200 frames of 512 channels, float32), with normalised and activated copies.
# In the layers, 4.2 MB were measured for a large transformer and 6 MB for CNN14, both in float32.
STEM_BYTES_PER_S = 25e6
LAYERS_BYTES_PER_S = 7e6
LONG_S = 60.0
# Bytes for each value of the pooled states: float32, and float16 to store it, or float32 with ``precision: fp32``.
STATES, STATES_IN_FLOAT32 = 4.0 + 2.0, 4.0 + 4.0
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
        "plus 2 GB, or 1 GB to fetch; 6 bytes for each stored value of the pooled states of clean speech, 8 with "
        "precision: fp32, 4 for those that the head of a frozen model is trained on; 300 bytes for each predicted row. "
        "Audio and features are mapped, not loaded.",
    ]
    if long := _long_utterances(costs):
        details.append(
            f"Models read an utterance whole, about {LAYERS_BYTES_PER_S / MB:.0f} MB for each second of it, and "
            f"{STEM_BYTES_PER_S * LONG_S / GB:.1f} GB for the stem: "
            + "; ".join(
                f"{corpus}, {seconds:,.0f} s, {_of_an_utterance(seconds) / GB:.1f} GB"
                for corpus, seconds in long.items()
            )
            + ". Cut long recordings into utterances if that is too much."
        )
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


def _of_an_utterance(seconds: float) -> float:
    """Bytes that an utterance takes beyond those of a usual length, which the memory of the runtime covers."""
    return STEM_BYTES_PER_S * LONG_S + LAYERS_BYTES_PER_S * seconds if seconds > LONG_S else 0.0


def _long_utterances(costs: Costs) -> dict[str, float]:
    """Return the longest utterance in seconds of each corpus that has one of more than a minute."""
    longest = {
        corpus: max((speech.longest_s for speech in splits.values()), default=0.0)
        for corpus, splits in costs.amounts.items()
    }
    return {corpus: seconds for corpus, seconds in longest.items() if seconds > LONG_S}


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
        return [
            (
                held(model)
                + _results(costs, model, name, corpus)
                + _of_an_utterance(costs.speech(corpus, "test").longest_s),
                model,
            )
            for model, _, name, corpus in runs
        ]

    def pooled() -> Iterable[Job]:
        longest = max(costs.speech(costs.train, split).longest_s for split in FUSED_SPLITS)
        for model in {study.audio_model(fusion) for fusion, _ in plan.fusions}:
            rows = max(costs.pooled_values(model, costs.train, split) for split in FUSED_SPLITS)
            yield held(model) + _per_state(costs, model) * rows + _of_an_utterance(longest), model

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
    """Bytes of a training; the pooled states that the head of a frozen model is trained on are held in memory."""
    row = costs.study.models[model]
    if not row.frozen:
        return TRAINED * costs.parameters(model) + RUNTIME
    held = LOADED * costs.parameters(model) + RUNTIME
    if costs.study.recipe(model).frozen_mode == "training":
        return held
    train, dev = (costs.pooled_values(model, costs.train, split) for split in FUSED_SPLITS)
    return held + STATES_FOR_A_HEAD * (train * row.fraction + dev)


def _results(costs: Costs, model: str, conditions: str, corpus: str) -> float:
    """Bytes of the predictions of a set of conditions, and of the pooled states, which are kept for clean speech."""
    rows = costs.conditions(conditions, corpus)[0] * costs.utterances(conditions, corpus)
    states = _per_state(costs, model) * costs.pooled_values(model, corpus, "test") if conditions == CLEAN else 0.0
    return ROW * rows + states


def _per_state(costs: Costs, model: str) -> float:
    return STATES_IN_FLOAT32 if costs.study.in_float32(model) else STATES
