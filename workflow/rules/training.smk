# `exec` replaces the shell by the training. Otherwise SIGTERM would end the shell at once, and Snakemake would end the
# job before the training has saved its state.


rule finetune:
    """Train a transformer with its regression head: fine-tuned, frozen, pruned or from random initialisation."""
    input:
        backbone=lambda wildcards: by_content(
            backbone_files(wildcards), made_model(wildcards)
        ),
        train=lambda wildcards: by_content(
            model_inputs(wildcards.model, TRAIN_CORPUS, "train"),
            made_model(wildcards),
        ),
        dev=lambda wildcards: by_content(
            model_inputs(wildcards.model, TRAIN_CORPUS, "dev"), made_model(wildcards)
        ),
        utterances=f"{RESULTS}/corpora/{TRAIN_CORPUS}/utterances.train.parquet",
        train_labels=f"{RESULTS}/corpora/{TRAIN_CORPUS}/labels.train.parquet",
        dev_labels=f"{RESULTS}/corpora/{TRAIN_CORPUS}/labels.dev.parquet",
    output:
        multiext(
            f"{RESULTS}/models/{{model}}/seed-{{seed}}/",
            "model.safetensors",
            "config.json",
            "training.csv",
            "run.json",
        ),
    log:
        f"{RESULTS}/logs/finetune/{{model}}/seed-{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/finetune/{{model}}/seed-{{seed}}.tsv"
    wildcard_constraints:
        model=alternatives(
            filterfalse(study.is_cnn14, filter(study.is_trained, study.models))
        ),
    conda:
        "../../envs/valence-gap.yaml"
    threads: lambda wildcards: study.recipe(wildcards.model).threads
    resources:
        mem_mb=8000,
        runtime=lambda wildcards, attempt: 1440 * attempt,
        gpu=1,
    params:
        training=lambda wildcards: to_json(
            study.training(wildcards.model, int(wildcards.seed))
        ),
        inputs=lambda wildcards: training_options(wildcards),
        folder=subpath(output[0], parent=True),
        # Snakemake deletes outputs before each attempt, so the state that a training resumes from is in another folder.
        scratch=lambda wildcards, output: f"{RESULTS}/scratch/{wildcards.model}/seed-{wildcards.seed}",
        # With `output`, a function's result is not compared with that of finished jobs.
        measured_precision=lambda wildcards, output: study.precision_file,
        revision=lambda wildcards: with_settings(
            REVISIONS["train"], number_format(wildcards.model)
        ),
    shell:
        r"""
        exec valence-gap train \
            --training {params.training:q} \
            {params.inputs:q} \
            --train-utterances {input.utterances:q} \
            --train-labels {input.train_labels:q} \
            --dev-labels {input.dev_labels:q} \
            --measured-precision {params.measured_precision:q} \
            --scratch {params.scratch:q} \
            --output {params.folder:q} \
            2>{log:q}
        """


use rule finetune as train_cnn14 with:
    """Train the CNN14 baseline on log-Mel spectrograms, from random initialisation (section III-B)."""
    log:
        f"{RESULTS}/logs/train_cnn14/{{model}}/seed-{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_cnn14/{{model}}/seed-{{seed}}.tsv"
    wildcard_constraints:
        model=alternatives(filter(study.is_cnn14, study.models)),


rule models:
    """Train all selected models, and nothing more."""
    input:
        [
            f"{RESULTS}/models/{model}/seed-{seed}/model.safetensors"
            for target in study.configuration.targets
            for model, seed in study.runs(target)
        ],
