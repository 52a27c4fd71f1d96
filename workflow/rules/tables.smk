rule table_1:
    """Table I: transformer-based emotion recognition on IEMOCAP in the literature."""
    input:
        source=table_source_files("table_1"),
        literature=reference_files("table_1"),
    output:
        multiext(f"{RESULTS}/tables/table_1", ".csv", ".md", ".tex"),
    log:
        f"{RESULTS}/logs/tables/table_1.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/table_1.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        stem=subpath(output[0], strip_suffix=".csv"),
    shell:
        r"""
        valence-gap table table_1 \
            --output-stem {params.stem:q} \
            2>{log:q}
        """


rule table_2:
    """Table II: the pre-trained models; their parameters are counted in the weights."""
    input:
        source=table_source_files("table_2"),
        models=[
            path
            for name in study.backbones_of(study.figure_config("table_2").models)
            for path in pretrained_files(name)
        ],
    output:
        multiext(f"{RESULTS}/tables/table_2", ".csv", ".md", ".tex"),
    log:
        f"{RESULTS}/logs/tables/table_2.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/table_2.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        description=canonical_json(table_description(study, "table_2")),
        stem=subpath(output[0], strip_suffix=".csv"),
    shell:
        r"""
        valence-gap table table_2 \
            --description {params.description:q} \
            --output-stem {params.stem:q} \
            2>{log:q}
        """


rule table_3:
    """Table III: change of the CCC of one model under each augmentation (section IV-H)."""
    input:
        source=table_source_files("table_3"),
        published=reference_files("table_3"),
        scores=scores_of("table_3"),
    output:
        multiext(f"{RESULTS}/tables/table_3", ".csv", ".md", ".tex"),
    log:
        f"{RESULTS}/logs/tables/table_3.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/table_3.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        description=canonical_json(table_description(study, "table_3")),
        stem=subpath(output[0], strip_suffix=".csv"),
    shell:
        r"""
        valence-gap table table_3 \
            --scores {input.scores:q} \
            --description {params.description:q} \
            --output-stem {params.stem:q} \
            2>{log:q}
        """
