"""The jobs of a run as a user sees them: their stage, their title, and what their logs say."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from valence_gap.runtime.progress import NOTE

STAGES = {
    "corpora": ("make_miniature", "inventory", "prepare_corpus", "corpora"),
    "pre-trained models": ("fetch_pretrained", "fetch_deleted_pretrained", "fetch_checkpoint"),
    "pre-training": ("pretrain_backbone", "train_recogniser", "pretrain_text_encoder"),
    "audio": ("pack_audio", "apply_conditions", "synthesise"),
    "stem features": ("extract_stem_features", "extract_augmented_features", "extract_synthesised_features"),
    "training": ("finetune", "train_cnn14"),
    "predictions": ("predict", "predict_conditions", "pool_states"),
    "text": ("transcribe", "embed_text"),
    "fusion": ("train_fusion", "predict_fusion"),
    "scores": ("score", "summarise_scores", "measure_separation", "project_states"),
}
AGGREGATES = frozenset({"all", "fetch", "models", "scores", "pretrain_miniature"})  # rules without a job of their own
TRAININGS = frozenset({"finetune", "train_cnn14"})
PRINTED = frozenset({"corpora", "preflight"})  # rules whose log is what a user asked for
ORDER = ("model", "fusion", "pretraining", "recogniser", "encoder", "backbone", "seed", "corpus", "conditions", "split")
TAIL_BYTES = 8192

_STAGE_OF = {rule: stage for stage, rules in STAGES.items() for rule in rules}
_STEP = re.compile(r"^epoch (\d+) of (\d+), step (\d+) of (\d+)", re.MULTILINE)
_EVALUATION = re.compile(
    r"^epoch (\d+)(?:, step \d+)?: loss \S+, dev CCC arousal (\S+), dominance (\S+), valence (\S+), mean (-?[\d.]+)"
    r"(?P<best>, the best so far)?$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Job:
    """A job of the run.

    Attributes:
        number: Snakemake's number of it.
        rule: its rule.
        wildcards: the values of its wildcards, by name.
        logs: paths of its logs; its own is the first.
        benchmark: path of the file that gets its duration; empty if it has none.
    """

    number: int
    rule: str
    wildcards: Mapping[str, str] = field(default_factory=dict)
    logs: tuple[str, ...] = ()
    benchmark: str = ""

    @property
    def title(self) -> str:
        """Rule and wildcards: ``predict w2v2-b seed 42 iemocap``."""
        names = [name for name in ORDER if name in self.wildcards]
        names += [name for name in self.wildcards if name not in ORDER]
        values = (f"seed {self.wildcards[name]}" if name == "seed" else str(self.wildcards[name]) for name in names)
        return " ".join([self.rule, *values])

    @property
    def log(self) -> str:
        """Path of its own log; empty if it has none."""
        return self.logs[0] if self.logs else ""


def stage_of(rule: str) -> str:
    """The stage that a rule belongs to: ``predictions``; the name of the rule itself if it is a stage of its own."""
    if rule.startswith("figure_"):
        return "figures"
    if rule.startswith("table_"):
        return "tables"
    return _STAGE_OF.get(rule, rule.replace("_", " "))


@dataclass(frozen=True)
class Training:
    """How far a training is, from its log.

    Attributes:
        done: share of its epochs that is done, 0..1; None if the log does not say.
        epoch: ``epoch 2 of 3``; empty before the first one.
        scores: the newest evaluation, or the best one of a finished training: dev CCCs; empty before the first one.
    """

    done: float | None = None
    epoch: str = ""
    scores: str = ""


def training_from_log(path: str) -> Training:
    """Read from the end of a training's log how far it is; nothing is known without a log."""
    text = log_tail(path)
    steps, evaluations = list(_STEP.finditer(text)), list(_EVALUATION.finditer(text))
    done, epoch = None, ""
    if steps:
        at, epochs, step, of = (int(value) for value in steps[-1].groups())
        done, epoch = (at - 1 + step / of) / epochs, f"epoch {at} of {epochs}"
    if not evaluations:
        return Training(done, epoch)
    last = evaluations[-1]
    arousal, dominance, valence = (_short(last[place]) for place in (2, 3, 4))
    if steps and last.start() > steps[-1].start():
        done = int(last[1]) / int(steps[-1][2])
    scores = f"dev CCC arousal {arousal}, dominance {dominance}, valence {valence}"
    return Training(done, epoch or f"epoch {last[1]}", scores)


def result_of_training(path: str) -> str:
    """One line on a finished training from its log: its epochs and the dev CCC of the best one; empty if unknown."""
    evaluations = list(_EVALUATION.finditer(log_text(path)))
    best = next((each for each in reversed(evaluations) if each["best"]), None)
    if best is None:
        return ""
    scores = f"arousal {_short(best[2])}, dominance {_short(best[3])}, valence {_short(best[4])}"
    return f"{_epochs(evaluations[-1][1])}, best dev CCC {scores} (epoch {best[1]})"


def notes_from_log(path: str) -> list[str]:
    """The lines that a job wrote for the user, without their mark."""
    return [line.removeprefix(NOTE) for line in log_text(path).splitlines() if line.startswith(NOTE)]


def log_text(path: str) -> str:
    """The text of a log; empty if it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace") if path else ""
    except OSError:
        return ""


def log_tail(path: str) -> str:
    """The last 8 KB of a log, from the start of a line; empty if it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return text if size <= TAIL_BYTES else text.partition("\n")[2]


def _epochs(count: str) -> str:
    return f"{count} epoch" if count == "1" else f"{count} epochs"


def _short(number: str) -> str:
    """A CCC with two digits and without the leading zero: ``.57``."""
    try:
        return ccc(float(number))
    except ValueError:
        return number


def ccc(value: float) -> str:
    """A CCC with two digits and without the leading zero: .57, -.03."""
    text = f"{value:.2f}"
    return ".00" if text in ("0.00", "-0.00") else text.replace("0.", ".", 1) if abs(value) < 1 else text
