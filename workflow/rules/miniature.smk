rule make_miniature:
    """Write four small corpora in the on-disk formats of MSP-Podcast, IEMOCAP, CMU-MOSI and ESC-50."""
    output:
        f"{RESULTS}/raw/manifest.json",
    log:
        f"{RESULTS}/logs/make_miniature.log",
    benchmark:
        f"{RESULTS}/benchmarks/make_miniature.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 4
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        definition=to_json(study.configuration.miniature),
        revision=REVISIONS["miniature"],
        folder=subpath(output[0], parent=True),
    shell:
        r"""
        valence-gap make-miniature \
            --definition {params.definition:q} \
            --workers {threads} \
            --output {params.folder:q} \
            2>{log:q}
        """


rule pretrain_backbone:
    """Pre-train one miniature backbone by masked prediction of k-means targets, like the shipped ones."""
    output:
        multiext(
            f"{RESULTS}/pretraining/{{pretraining}}/",
            "config.json",
            "model.safetensors",
            "run.json",
        ),
    log:
        f"{RESULTS}/logs/pretrain_backbone/{{pretraining}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/pretrain_backbone/{{pretraining}}.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: lambda wildcards: study.configuration.pretraining[wildcards.pretraining].threads
    resources:
        mem_mb=7000,  # for 20 hours of speech
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=1,
    params:
        definition=lambda wildcards: to_json(
            study.configuration.pretraining[wildcards.pretraining]
        ),
        speech=lambda wildcards: to_json(study.speech(wildcards.pretraining)),
        revision=REVISIONS["pretrain"],
        scratch=lambda wildcards, output: f"{RESULTS}/scratch/{wildcards.pretraining}",
        folder=subpath(output[0], parent=True),
    shell:
        r"""
        exec valence-gap pretrain \
            --name {wildcards.pretraining:q} \
            --definition {params.definition:q} \
            --speech {params.speech:q} \
            --scratch {params.scratch:q} \
            --threads {threads} \
            --output {params.folder:q} \
            2>{log:q}
        """


rule train_recogniser:
    """Fine-tune a miniature backbone as a speech recogniser, like the shipped one."""
    input:
        recogniser_backbone,
    output:
        multiext(
            f"{RESULTS}/pretraining/{{recogniser}}/",
            "config.json",
            "model.safetensors",
            "run.json",
            "vocab.json",
        ),
    log:
        f"{RESULTS}/logs/train_recogniser/{{recogniser}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_recogniser/{{recogniser}}.tsv"
    wildcard_constraints:
        recogniser=alternatives(study.configuration.recogniser_training),
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        definition=lambda wildcards: to_json(
            study.configuration.recogniser_training[wildcards.recogniser]
        ),
        backbone=lambda wildcards, input: parent(input[0]),
        measured_precision=lambda wildcards, output: study.precision_file,
        revision=REVISIONS["pretrain"],
        folder=subpath(output[0], parent=True),
    shell:
        r"""
        valence-gap train-recogniser \
            --name {wildcards.recogniser:q} \
            --definition {params.definition:q} \
            --backbone {params.backbone:q} \
            --threads {threads} \
            --measured-precision {params.measured_precision:q} \
            --output {params.folder:q} \
            2>{log:q}
        """


rule pretrain_text_encoder:
    """Pre-train a miniature BERT on masked words, like the shipped one."""
    output:
        multiext(
            f"{RESULTS}/pretraining/{{encoder}}/",
            "config.json",
            "model.safetensors",
            "run.json",
            "tokenizer.json",
        ),
    log:
        f"{RESULTS}/logs/pretrain_text_encoder/{{encoder}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/pretrain_text_encoder/{{encoder}}.tsv"
    wildcard_constraints:
        encoder=alternatives(study.configuration.text_pretraining),
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        definition=lambda wildcards: to_json(
            study.configuration.text_pretraining[wildcards.encoder]
        ),
        revision=REVISIONS["pretrain"],
        folder=subpath(output[0], parent=True),
    shell:
        r"""
        valence-gap pretrain-bert \
            --name {wildcards.encoder:q} \
            --definition {params.definition:q} \
            --output {params.folder:q} \
            2>{log:q}
        """


rule pretrain_miniature:
    """Train every miniature model again; copy a folder to resources/miniature to use it instead of the shipped one."""
    input:
        expand(
            f"{RESULTS}/pretraining/{{name}}/model.safetensors",
            name=[
                *study.configuration.pretraining,
                *study.configuration.recogniser_training,
                *study.configuration.text_pretraining,
            ],
        ),
