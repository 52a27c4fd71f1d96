"""The preflight as the first step of a run."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from valence_gap.preflight.run import preflight
from valence_gap.study.checks.validate import targets_of
from valence_gap.study.study import load

# Rules that cost much. Cheap rules run without a preflight: reading corpora and fetching models fix its findings.
COSTLY_RULES = frozenset(
    {
        "pack_audio",
        "apply_conditions",
        "synthesise",
        "extract_stem_features",
        "extract_augmented_features",
        "extract_synthesised_features",
        "finetune",
        "train_cnn14",
        "train_fusion",
        "predict",
        "predict_conditions",
        "pool_states",
        "transcribe",
        "embed_text",
    }
)


def preflight_before_run(config: Mapping[str, Any], planned: Collection[str], project: Path = Path()) -> None:
    """Check a study before a costly run, if its configuration requests it (``preflight: true``).

    Corpora that the last preflight found valid are not read again while their definitions and paths are unchanged.

    Args:
        config: the merged configuration.
        planned: names of the rules whose jobs the run will start.
        project: the folder of the Snakefile, as seen from the working directory.

    Raises:
        UserError: if something is wrong; the table is printed first.
    """
    study = load(config, project=project)
    if not study.configuration.preflight or not COSTLY_RULES & set(planned):
        return
    requested_targets = [target for target in targets_of(study.configuration) if target in planned]
    config = {**config, "targets": requested_targets or list(study.targets)}
    preflight(config, json_file=Path(study.results) / "preflight.json", again=True, project=project)
