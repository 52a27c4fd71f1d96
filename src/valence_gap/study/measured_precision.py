"""The measurement that ``precision: auto`` follows on CPUs, made before the first job of a run."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from valence_gap.runtime.gpus import has_gpu
from valence_gap.study.study import Study

FOLLOWING_RULES = frozenset({"finetune", "train_cnn14", "predict", "predict_conditions", "pool_states"})


def measure_before_run(study: Study, planned: Iterable[tuple[str, str | None]]) -> None:
    """Measure if a run will compute with a model whose number format depends on the machine, and no file says it yet.

    No job has started, so the machine is idle. The file is no input of the rules that follow it: Snakemake would make
    their finished results again if it was deleted, or was not there when they were made. A job that finds no file
    measures itself, for example on a node of a cluster.

    Args:
        study: the study.
        planned: the rule and the wildcard ``model`` of each job that the run will start.
    """
    models = {model for rule, model in planned if rule in FOLLOWING_RULES and model is not None}
    if Path(study.precision_file).exists() or has_gpu() or not any(map(study.is_auto, models)):
        return
    command = [sys.executable, "-m", "valence_gap.cli", "measure-precision"]
    subprocess.run([*command, "--threads", str(study.auto_threads()), "--output", study.precision_file], check=False)
