"""The preflight as the first thing that a run does."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from valence_gap.preflight.run import preflight
from valence_gap.study.checks.validate import targets_of
from valence_gap.study.study import load

# Rules before which it pays to look. Reading corpora and fetching models mends what a first preflight finds.
COSTLY_RULES = frozenset(
    {
        "pack_audio",
        "apply_conditions",
        "synthesise",
        "extract_stem_features",
        "finetune",
        "train_cnn14",
        "train_fusion",
        "predict",
        "pool_states",
        "transcribe",
        "embed_text",
    }
)


def preflight_before_run(config: Mapping[str, Any], planned: Collection[str]) -> None:
    """Check a study before a run that costs something, where its configuration asks for it (``preflight: true``).

    Corpora that the last preflight found sound are not read again while their definitions and paths stay as they are.

    Args:
        config: the merged configuration.
        planned: names of the rules that the run will start jobs of.

    Raises:
        UserError: something is wrong; after the table has been printed.
    """
    study = load(config)
    if not study.configuration.preflight or not COSTLY_RULES & set(planned):
        return
    requested_targets = [target for target in targets_of(study.configuration) if target in planned]
    config = {**config, "targets": requested_targets or list(study.targets)}
    preflight(config, json_file=Path(study.results) / "preflight.json", again=True)
