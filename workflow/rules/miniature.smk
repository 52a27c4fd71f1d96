rule make_miniature:
    """Write four small corpora in the on-disk formats of MSP-Podcast, IEMOCAP, CMU-MOSI and ESC-50."""
    output:
        f"{R}/raw/manifest.json",
    log:
        f"{R}/logs/make_miniature.log",
    benchmark:
        f"{R}/benchmarks/make_miniature.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 2
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
    """Pre-train one miniature backbone by masked prediction of k-means targets, as the shipped ones were."""
    output:
        multiext(
            f"{R}/pretraining/{{pretraining}}/",
            "config.json",
            "model.safetensors",
            "run.json",
        ),
    log:
        f"{R}/logs/pretrain_backbone/{{pretraining}}.log",
    benchmark:
        f"{R}/benchmarks/pretrain_backbone/{{pretraining}}.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: lambda wildcards: study.configuration.pretraining[wildcards.pretraining].threads
    resources:
        mem_mb=4000,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=1,
    params:
        definition=lambda wildcards: to_json(
            study.configuration.pretraining[wildcards.pretraining]
        ),
        speech=lambda wildcards: to_json(study.speech(wildcards.pretraining)),
        revision=REVISIONS["pretrain"],
        folder=subpath(output[0], parent=True),
    shell:
        r"""
        valence-gap pretrain \
            --name {wildcards.pretraining:q} \
            --definition {params.definition:q} \
            --speech {params.speech:q} \
            --threads {threads} \
            --output {params.folder:q} \
            2>{log:q}
        """


rule pretrain_miniature:
    """Make every miniature backbone anew; copy a folder to resources/miniature to use it in place of the shipped one."""
    input:
        expand(
            f"{R}/pretraining/{{pretraining}}/model.safetensors",
            pretraining=study.configuration.pretraining,
        ),
