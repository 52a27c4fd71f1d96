rule export:
    """Export the best model, by mean dev CCC, in the released layout, with a model card, and as ONNX if possible."""
    input:
        models=checked_input(
            MAIN,
            exported_files(
                "model.safetensors", "config.json", "run.json", "training.csv"
            ),
        ),
        scores=exported_scores().values(),
        backbones=exported_backbones().values(),
        report=f"{RESULTS}/corpora/{TRAIN_CORPUS}/report.json" if TRAIN_CORPUS else [],
    output:
        multiext(
            f"{RESULTS}/export/",
            "model.safetensors",
            "config.json",
            "preprocessor_config.json",
            "README.md",
            "run.json",
        ),
    log:
        f"{RESULTS}/logs/export.log",
    benchmark:
        f"{RESULTS}/benchmarks/export.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        candidates=[
            f"{model}:{seed}={RESULTS}/models/{model}/seed-{seed}"
            for model, seed in candidates(study)
        ],
        scores=[*exported_scores()],
        backbones=[*exported_backbones()],
        study=study.configuration.study,
        corpus=flags("--trained-on", filter(None, [training_data(study)])),
        report=lambda wildcards, input: flags(
            "--report", input.report and [input.report]
        ),
        licence=flags("--licence", filter(None, [study.configuration.export.licence])),
        corpus_licence=flags(
            "--corpus-licence", filter(None, [training_licence(study)])
        ),
        folder=subpath(output[0], parent=True),
        revision=REVISIONS["export"],
    shell:
        r"""
        valence-gap export-best \
            --candidate {params.candidates:q} \
            --scores {params.scores:q} \
            --backbone {params.backbones:q} \
            --study {params.study:q} \
            {params.corpus:q} \
            {params.report:q} \
            {params.licence:q} \
            {params.corpus_licence:q} \
            --output {params.folder:q} \
            2>{log:q}
        """


rule crate:
    """Describe the finished study as a Workflow Run RO-Crate: what each job read, wrote and ran on. No audio is in it."""
    input:
        [target_file(target) for target in study.targets],
    output:
        f"{RESULTS}/crate/ro-crate-metadata.json",
    log:
        f"{RESULTS}/logs/crate.log",
    benchmark:
        f"{RESULTS}/benchmarks/crate.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        # A function, so that {miniature} in a path is no wildcard.
        configuration=lambda wildcards: canonical_json(config),
        # With `output`, a function's result is not compared with that of finished jobs.
        project=lambda wildcards, output: str(PROJECT),
        folder=subpath(output[0], parent=True),
        revision=REVISIONS["export"],
    shell:
        r"""
        valence-gap crate \
            --project {params.project:q} \
            --configuration {params.configuration:q} \
            --output {params.folder:q} \
            >{log:q} 2>&1
        """
