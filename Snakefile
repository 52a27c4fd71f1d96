"""From the raw corpora to every figure of Wagner et al. (2023)."""

import sys
from pathlib import Path

from snakemake.utils import min_version

from valence_gap.runtime.errors import UserError
from valence_gap.runtime.systems import check_system
from valence_gap.study.project_files import name_project_for_conda, seen_from_here

min_version("9.27")

try:
    check_system()
except UserError as error:
    sys.exit(f"error: {error}")

# The folder of this file. Snakemake may run in another one, or this workflow may be a module of another workflow.
PROJECT = seen_from_here(
    Path(workflow.current_basedir.get_path_or_uri(secret_free=False))
)
name_project_for_conda(PROJECT)


configfile: str(PROJECT / "config.yaml")


include: "workflow/rules/common.smk"
include: "workflow/rules/changes.smk"
include: "workflow/rules/targets.smk"
include: "workflow/rules/precision.smk"
include: "workflow/rules/preflight.smk"
include: "workflow/rules/miniature.smk"
include: "workflow/rules/corpora.smk"
include: "workflow/rules/audio.smk"
include: "workflow/rules/backbones.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/prediction.smk"
include: "workflow/rules/text.smk"
include: "workflow/rules/scores.smk"
include: "workflow/rules/embeddings.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/figures_unscored.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/convergence.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/page_inputs.smk"
include: "workflow/rules/page.smk"
include: "workflow/rules/export.smk"


localrules:
    all,
    fetch,
    corpora,
    models,
    scores,


rule all:
    """Every figure and table that the study selects, a summary of their scores, and the page that shows all of it."""
    default_target: True
    input:
        [target_file(target) for target in study.targets],
        rules.summarise_scores.output if scores_of_targets() else [],
        rules.page.output,


onerror:
    import logging
    from valence_gap.runtime.failed_jobs import killed_jobs
    from valence_gap.terminal.handler import show

    if message := killed_jobs(log):
        show(f"error: {message}", logging.ERROR)
