rule inventory:
    """List the files of a corpus, or of the noise corpus, with checksums; this step detects changed data."""
    input:
        inventory_inputs,
    output:
        f"{RESULTS}/corpora/{{corpus}}/inventory.csv",
    log:
        f"{RESULTS}/logs/inventory/{{corpus}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/inventory/{{corpus}}.tsv"
    wildcard_constraints:
        corpus=alternatives([*study.configuration.corpora, NOISE]),
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        # The argument `output` excludes the paths from Snakemake's comparison of parameters: a corpus may move.
        paths=lambda wildcards, output: to_json(study.paths(wildcards.corpus)),
        revision=REVISIONS["corpus"],
    shell:
        r"""
        valence-gap inventory \
            --paths {params.paths:q} \
            --output {output:q} \
            2>{log:q}
        """


rule prepare_corpus:
    """Read a corpus in its own format: one table of utterances and one of labels in 0..1 for each split."""
    input:
        f"{RESULTS}/corpora/{{corpus}}/inventory.csv",
    output:
        expand(
            f"{RESULTS}/corpora/{{{{corpus}}}}/{{table}}.{{split}}.parquet",
            table=["utterances", "labels", "provenance"],
            split=SPLITS,
        ),
        report=f"{RESULTS}/corpora/{{corpus}}/report.json",
    log:
        f"{RESULTS}/logs/prepare_corpus/{{corpus}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/prepare_corpus/{{corpus}}.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        definition=lambda wildcards: to_json(study.corpus(wildcards.corpus)),
        paths=lambda wildcards, output: to_json(study.paths(wildcards.corpus)),
        folder=subpath(output.report, parent=True),
        revision=REVISIONS["corpus"],
    shell:
        r"""
        valence-gap prepare-corpus \
            --name {wildcards.corpus:q} \
            --definition {params.definition:q} \
            --paths {params.paths:q} \
            --inventory {input:q} \
            --output {params.folder:q} \
            2>{log:q}
        """


rule corpora:
    """Read the corpora of the study, print what was read and what was left out, and do nothing more."""
    input:
        reports=expand(
            f"{RESULTS}/corpora/{{corpus}}/report.json", corpus=corpora_of_targets()
        ),
        # The noise corpus only if it has been used: not every study has one.
        noise=[
            path
            for path in [f"{RESULTS}/corpora/{NOISE}/inventory.csv"]
            if Path(path).exists()
        ],
    log:
        f"{RESULTS}/logs/corpora.log",
    # The logger plugin prints the log. No benchmark: Snakemake takes it for an output, and would not print the summary again.
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=lambda wildcards, attempt: 10 * attempt,
    shell:
        r"""
        valence-gap show-corpora {input.reports:q} >{log:q} 2>&1
        """
