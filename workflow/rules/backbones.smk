rule fetch_pretrained:
    """Fetch a backbone from the hub, at a pinned commit, or from a local folder; no later rule needs the hub."""
    input:
        local_backbone_files,
    output:
        config=f"{RESULTS}/pretrained/{{backbone}}/config.json",
        weights=f"{RESULTS}/pretrained/{{backbone}}/model.safetensors",
        run=f"{RESULTS}/pretrained/{{backbone}}/run.json",
    log:
        f"{RESULTS}/logs/fetch_pretrained/{{backbone}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/fetch_pretrained/{{backbone}}.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        definition=lambda wildcards: to_json(study.backbone(wildcards.backbone)),
        folder=subpath(output.config, parent=True),
        # A function of the output, so that checksums which are added later make nothing run again.
        sums=lambda wildcards, output: study.checksums(
            study.configuration.backbones[wildcards.backbone]
        ),
        store=lambda wildcards, output: PRETRAINED,
        revision=REVISIONS["fetch"],
    shell:
        r"""
        valence-gap fetch-pretrained \
            --name {wildcards.backbone:q} \
            --definition {params.definition:q} \
            --sha256 {params.sums:q} \
            --store {params.store:q} \
            --output {params.folder:q} \
            2>{log:q}
        """


use rule fetch_pretrained as fetch_deleted_pretrained with:
    """Fetch what was deleted from resources/pretrained/<name>, where earlier versions put the models of all studies."""

    # The record is not an output, because it says in every job that the folder is in use.
    output:
        config=f"{PRETRAINED}/{{backbone}}/config.json",
        weights=f"{PRETRAINED}/{{backbone}}/model.safetensors",
    wildcard_constraints:
        backbone=alternatives(study.deleted_backbones()),


rule fetch_checkpoint:
    """Fetch a finished model, from the hub at a pinned commit or from a local folder, to where trained models are."""
    input:
        local_checkpoint_files,
    output:
        multiext(
            f"{RESULTS}/models/{{model}}/seed-{{seed}}/",
            "model.safetensors",
            "config.json",
            "run.json",
        ),
    log:
        f"{RESULTS}/logs/fetch_checkpoint/{{model}}/seed-{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/fetch_checkpoint/{{model}}/seed-{{seed}}.tsv"
    wildcard_constraints:
        model=alternatives(filterfalse(study.is_trained, study.models)),
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        definition=lambda wildcards: to_json(study.checkpoint(wildcards.model)),
        folder=subpath(output[0], parent=True),
        sums=lambda wildcards, output: study.checksums(
            study.models[wildcards.model].checkpoint
        ),
        store=lambda wildcards, output: PRETRAINED,
        revision=REVISIONS["fetch"],
    shell:
        r"""
        valence-gap fetch-checkpoint \
            --name {wildcards.model:q} \
            --definition {params.definition:q} \
            --sha256 {params.sums:q} \
            --store {params.store:q} \
            --output {params.folder:q} \
            2>{log:q}
        """


rule fetch:
    """Fetch every pre-trained or finished model that the study needs; run it on a machine with network access."""
    input:
        [
            f"{study.pretrained_folder(backbone)}/run.json"
            for backbone in study.fetched_backbones()
        ],
        [
            f"{RESULTS}/models/{model}/seed-{seed}/run.json"
            for model, seed in study.fetched_models()
        ],


rule extract_stem_features:
    """Compute the output of a backbone's frozen convolutional stem once per utterance; all its models share it."""
    input:
        backbone=lambda wildcards: by_content(
            fetched_files(wildcards.backbone), made_features(wildcards)
        ),
        audio=lambda wildcards: by_content(
            pack_files(wildcards.corpus, wildcards.split)[:1],
            made_features(wildcards),
        ),
        index=rules.pack_audio.output.index,
    output:
        features=temp_unless_kept(
            f"{RESULTS}/features/{{backbone}}/{{corpus}}/{{split}}/features.npy"
        ),
        index=temp_unless_kept(
            f"{RESULTS}/features/{{backbone}}/{{corpus}}/{{split}}/index.parquet"
        ),
        run=f"{RESULTS}/features/{{backbone}}/{{corpus}}/{{split}}/run.json",
    log:
        f"{RESULTS}/logs/extract_stem_features/{{backbone}}/{{corpus}}/{{split}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/extract_stem_features/{{backbone}}/{{corpus}}/{{split}}.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=1,
    params:
        backbone=lambda wildcards, input: parent(input.backbone[0]),
        audio=lambda wildcards, input: parent(input.index),
        folder=subpath(output.run, parent=True),
        deterministic=lambda wildcards, output: deterministic_flag(
            models_of_backbone(wildcards.backbone)
        ),
        format=lambda wildcards, output: flags(
            "--format", features_format(wildcards.backbone)
        ),
        revision=lambda wildcards: with_settings(
            REVISIONS["features"], *features_format(wildcards.backbone)
        ),
    shell:
        r"""
        valence-gap extract-features \
            --backbone {params.backbone:q} \
            --audio {params.audio:q} \
            {params.format:q} \
            --threads {threads} \
            {params.deterministic:q} \
            --output {params.folder:q} \
            2>{log:q}
        """


rule extract_augmented_features:
    """The same for the augmented test set of a corpus, all conditions in one job."""
    input:
        backbone=lambda wildcards: by_content(
            fetched_files(wildcards.backbone),
            made_condition_features(
                wildcards, next(iter(study.configuration.augmented))
            ),
        ),
        audio=lambda wildcards: condition_packs(
            wildcards, study.configuration.augmented
        ),
        indexes=[
            f"{RESULTS}/audio/{{corpus}}/{name}/test/index.parquet"
            for name in study.configuration.augmented
        ],
    output:
        features=[
            temp_unless_kept(
                f"{RESULTS}/features/{{backbone}}/{{corpus}}/{name}/test/features.npy"
            )
            for name in study.configuration.augmented
        ],
        indexes=[
            temp_unless_kept(
                f"{RESULTS}/features/{{backbone}}/{{corpus}}/{name}/test/index.parquet"
            )
            for name in study.configuration.augmented
        ],
        runs=[
            f"{RESULTS}/features/{{backbone}}/{{corpus}}/{name}/test/run.json"
            for name in study.configuration.augmented
        ],
    log:
        f"{RESULTS}/logs/extract_augmented_features/{{backbone}}/{{corpus}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/extract_augmented_features/{{backbone}}/{{corpus}}.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=1,
    params:
        backbone=lambda wildcards, input: parent(input.backbone[0]),
        audio=lambda wildcards, input: [parent(path) for path in input.indexes],
        folders=lambda wildcards, output: [parent(path) for path in output.runs],
        deterministic=lambda wildcards, output: deterministic_flag(
            models_of_backbone(wildcards.backbone)
        ),
        format=lambda wildcards, output: flags(
            "--format", features_format(wildcards.backbone)
        ),
        revision=lambda wildcards: with_settings(
            REVISIONS["features"], *features_format(wildcards.backbone)
        ),
    shell:
        r"""
        valence-gap extract-features \
            --backbone {params.backbone:q} \
            --audio {params.audio:q} \
            {params.format:q} \
            --threads {threads} \
            {params.deterministic:q} \
            --output {params.folders:q} \
            2>{log:q}
        """


use rule extract_augmented_features as extract_synthesised_features with:
    """The same for the synthesised speech of a test set."""
    input:
        backbone=lambda wildcards: by_content(
            fetched_files(wildcards.backbone),
            made_condition_features(wildcards, "synthesised"),
        ),
        audio=lambda wildcards: condition_packs(wildcards, ["synthesised"]),
        indexes=[f"{RESULTS}/audio/{{corpus}}/synthesised/test/index.parquet"],
    output:
        features=[
            temp_unless_kept(
                f"{RESULTS}/features/{{backbone}}/{{corpus}}/synthesised/test/features.npy"
            )
        ],
        indexes=[
            temp_unless_kept(
                f"{RESULTS}/features/{{backbone}}/{{corpus}}/synthesised/test/index.parquet"
            )
        ],
        runs=[f"{RESULTS}/features/{{backbone}}/{{corpus}}/synthesised/test/run.json"],
    log:
        f"{RESULTS}/logs/extract_synthesised_features/{{backbone}}/{{corpus}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/extract_synthesised_features/{{backbone}}/{{corpus}}.tsv"
