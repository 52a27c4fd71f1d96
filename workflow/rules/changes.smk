# How a changed input is noticed where times and sizes do not tell: large files by the checksums in the records of results,
# label files by the inventory of their corpus.
import os
import sys
from functools import cache

from valence_gap.study import label_files
from valence_gap.study.contents import Contents


@cache
def contents():
    """The checksums of large files; Snakemake knows its size limit when it builds the DAG."""
    return Contents(workflow.dag_settings.max_checksum_file_size)


def by_content(paths, made):
    """Inputs whose time does not count where a result's record has their checksum; Snakemake itself compares small ones.

    For example results/x/models/w2v2-b/seed-42/model.safetensors, and the record and benchmark of predictions.
    """
    if not workflow.is_main_process:  # a job runs whatever the times are
        return paths
    return [
        ancient(path) if contents().is_recorded(Path(path), *map(Path, made)) else path
        for path in paths
    ]


def made(record, *benchmarks):
    """A record and the benchmarks of its rules: results/x/models/cnn14/seed-42/run.json, .../train_cnn14/cnn14/..."""
    return [
        f"{RESULTS}/{record}",
        *(f"{RESULTS}/benchmarks/{benchmark}.tsv" for benchmark in benchmarks),
    ]


def made_features(wildcards):
    """The record and the benchmark of stem features."""
    run = f"{wildcards.backbone}/{wildcards.corpus}/{wildcards.split}"
    return made(f"features/{run}/run.json", f"extract_stem_features/{run}")


def made_condition_features(wildcards, condition):
    """The record and the benchmark of the stem features of a test set under a condition."""
    run = f"{wildcards.backbone}/{wildcards.corpus}"
    conditions = "synthesised" if condition == "synthesised" else "augmented"
    return made(
        f"features/{run}/{condition}/test/run.json",
        f"extract_{conditions}_features/{run}",
    )


def condition_packs(wildcards, conditions):
    """The packs whose stem features are stored: results/x/audio/iemocap/fade/test/audio.npy, ..."""
    return [
        path
        for name in conditions
        for path in by_content(
            pack_files(wildcards.corpus, "test", name)[:1],
            made_condition_features(wildcards, name),
        )
    ]


def made_texts(wildcards):
    """The record and the benchmark of transcripts."""
    run = f"{wildcards.corpus}/{wildcards.split}"
    return made(f"text/{run}/report.json", f"transcribe/{run}")


def made_text_embeddings(wildcards):
    """The record and the benchmark of text embeddings."""
    run = f"{wildcards.corpus}/{wildcards.split}"
    return made(f"text/{run}/embeddings.json", f"embed_text/{run}")


def made_model(wildcards):
    """The record and the benchmark of a trained model."""
    run = f"{wildcards.model}/seed-{wildcards.seed}"
    return made(f"models/{run}/run.json", f"finetune/{run}", f"train_cnn14/{run}")


def made_fusion(wildcards):
    """The record and the benchmark of a trained fusion."""
    run = f"{wildcards.fusion}/seed-{wildcards.seed}"
    return made(f"models/{run}/run.json", f"train_fusion/{run}")


def made_predictions(wildcards):
    """The record and the benchmark of predictions."""
    run = f"{wildcards.model}/seed-{wildcards.seed}/{wildcards.corpus}/{wildcards.conditions}"
    return made(
        f"predictions/{run}.run.json", f"predict/{run}", f"predict_conditions/{run}"
    )


def made_states(wildcards):
    """The record and the benchmark of pooled states."""
    run = (
        f"{wildcards.model}/seed-{wildcards.seed}/{wildcards.corpus}/{wildcards.split}"
    )
    return made(f"states/{run}.run.json", f"pool_states/{run}")


def made_fused_predictions(wildcards):
    """The record and the benchmark of a fusion's predictions."""
    run = f"{wildcards.fusion}/seed-{wildcards.seed}/{wildcards.corpus}/clean"
    return made(f"predictions/{run}.run.json", f"predict_fusion/{run}")


def made_page_utterances():
    """The record and the benchmark of the utterances of the page."""
    return made("page/utterances.run.json", "page_utterances")


def made_variants(wildcards):
    """The record and the benchmark of the augmented test sets of a corpus."""
    corpus, first = wildcards.corpus, study.configuration.augmented[0]
    return made(
        f"audio/{corpus}/{first}/test/report.json", f"apply_conditions/{corpus}"
    )


@cache
def compare_labels(corpus):
    """Read a corpus again if its label files were edited after results/.../corpora/iemocap/report.json was written."""
    inventory = Path(f"{RESULTS}/corpora/{corpus}/inventory.csv")
    summary = inventory.with_name("report.json")
    is_run = (
        workflow.is_main_process and workflow.executor_plugin and not workflow.touch
    )
    settings = workflow.dag_settings
    lists_again = settings.forceall or "inventory" in settings.forcerun
    if (
        not is_run
        or lists_again
        or label_files.READING in os.environ
        or not (inventory.exists() and summary.exists())
    ):
        return
    definition, checksum = study.corpus(corpus), contents().checksum
    edited = label_files.edited_files(
        inventory, study.paths(corpus), definition.adapter, checksum
    )
    if not edited and label_files.is_read(inventory, summary, checksum):
        return
    names = ", ".join(str(one.path) for one in edited) or str(inventory)
    print(f"{corpus}: edited after it was read: {names}", file=sys.stderr)
    if workflow.dryrun:
        print(
            f"This plan is without that: a run first reads {corpus} again, then runs what depends on the labels.",
            file=sys.stderr,
        )
        return
    try:
        label_files.check_readable(
            corpus, to_json(definition), to_json(study.paths(corpus)), inventory
        )
        label_files.replace_rows(inventory, edited)
        label_files.read_again(summary, config, PROJECT)
    except UserError as error:
        sys.exit(f"error: {error}")


def inventory_inputs(wildcards):
    """What must exist before a corpus is read; its label files are compared with its inventory first."""
    if wildcards.corpus != NOISE:
        compare_labels(wildcards.corpus)
    return miniature_manifest(wildcards)
