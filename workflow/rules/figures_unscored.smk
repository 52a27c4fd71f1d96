# Figures drawn from predictions, embeddings and training logs. Figures drawn from scores are in figures.smk.


rule figure_03:
    """Figure 3: CCC of the fusion with text minus that of the audio model alone."""
    input:
        source=figure_source_files("figure_03"),
        predictions=predictions_of("figure_03", "clean").values(),
        labels=tables_of("figure_03", "labels").values(),
        utterances=tables_of("figure_03", "utterances").values(),
        transcriptions=transcriptions_of("figure_03").values(),
        packed=pack_indexes_of("figure_03").values(),
    output:
        report(
            f"{RESULTS}/figures/figure_03.png",
            caption="../report/figure_03.rst",
            category="Figures",
            labels={"figure": "3", "shows": "fusion with text"},
        ),
        multiext(
            f"{RESULTS}/figures/figure_03",
            ".pdf",
            ".csv",
            ".json",
            "_word_error_rates.csv",
        ),
    log:
        f"{RESULTS}/logs/figures/figure_03.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/figure_03.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    params:
        predictions=[*predictions_of("figure_03", "clean")],
        labels=[*tables_of("figure_03", "labels")],
        extra_args=[
            "--utterances",
            *tables_of("figure_03", "utterances"),
            "--transcriptions",
            *transcriptions_of("figure_03"),
        ],
        packed=flags("--packed", pack_indexes_of("figure_03")),
        description=canonical_json(figure_description(study, "figure_03")),
        name=subpath(output[0], basename=True, strip_suffix=".png"),
        stem=subpath(output[0], strip_suffix=".png"),
    shell:
        r"""
        valence-gap figure {params.name:q} \
            --predictions {params.predictions:q} \
            --labels {params.labels:q} \
            {params.extra_args:q} \
            {params.packed:q} \
            --description {params.description:q} \
            --output-stem {params.stem:q} \
            2>{log:q}
        """


use rule figure_03 as figure_04 with:
    """Figure 4: valence on original and on synthesised speech of the same words."""
    input:
        source=figure_source_files("figure_04"),
        predictions=predictions_of("figure_04", "clean", "synthesised").values(),
        labels=tables_of("figure_04", "labels").values(),
        utterances=tables_of("figure_04", "utterances").values(),
        packed=pack_indexes_of("figure_04").values(),
    output:
        report(
            f"{RESULTS}/figures/figure_04.png",
            caption="../report/figure_04.rst",
            category="Figures",
            labels={"figure": "4", "shows": "synthesised speech"},
        ),
        multiext(f"{RESULTS}/figures/figure_04", ".pdf", ".csv", ".json"),
    log:
        f"{RESULTS}/logs/figures/figure_04.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/figure_04.tsv"
    params:
        predictions=[*predictions_of("figure_04", "clean", "synthesised")],
        labels=[*tables_of("figure_04", "labels")],
        extra_args=["--utterances", *tables_of("figure_04", "utterances")],
        packed=flags("--packed", pack_indexes_of("figure_04")),
        description=canonical_json(figure_description(study, "figure_04")),


use rule figure_03 as figure_05 with:
    """Figure 5: CCC of the fine-tuned minus that of the frozen model."""
    input:
        source=figure_source_files("figure_05"),
        predictions=predictions_of("figure_05", "clean").values(),
        labels=tables_of("figure_05", "labels").values(),
        utterances=tables_of("figure_05", "utterances").values(),
        packed=pack_indexes_of("figure_05").values(),
    output:
        report(
            f"{RESULTS}/figures/figure_05.png",
            caption="../report/figure_05.rst",
            category="Figures",
            labels={"figure": "5", "shows": "fine-tuned and frozen"},
        ),
        multiext(f"{RESULTS}/figures/figure_05", ".pdf", ".csv", ".json"),
    log:
        f"{RESULTS}/logs/figures/figure_05.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/figure_05.tsv"
    params:
        predictions=[*predictions_of("figure_05", "clean")],
        labels=[*tables_of("figure_05", "labels")],
        extra_args=["--utterances", *tables_of("figure_05", "utterances")],
        packed=flags("--packed", pack_indexes_of("figure_05")),
        description=canonical_json(figure_description(study, "figure_05")),


use rule figure_03 as figure_07 with:
    """Figure 7: CCC of female minus CCC of male speakers."""
    input:
        source=figure_source_files("figure_07"),
        published=reference_files("figure_7"),
        predictions=predictions_of("figure_07", "clean").values(),
        labels=tables_of("figure_07", "labels").values(),
        utterances=tables_of("figure_07", "utterances").values(),
        packed=pack_indexes_of("figure_07").values(),
    output:
        report(
            f"{RESULTS}/figures/figure_07.png",
            caption="../report/figure_07.rst",
            category="Figures",
            labels={"figure": "7", "shows": "gender fairness"},
        ),
        multiext(f"{RESULTS}/figures/figure_07", ".pdf", ".csv", ".json"),
    log:
        f"{RESULTS}/logs/figures/figure_07.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/figure_07.tsv"
    params:
        predictions=[*predictions_of("figure_07", "clean")],
        labels=[*tables_of("figure_07", "labels")],
        extra_args=["--utterances", *tables_of("figure_07", "utterances")],
        packed=flags("--packed", pack_indexes_of("figure_07")),
        description=canonical_json(figure_description(study, "figure_07")),


rule figure_10:
    """Figure 10: t-SNE of the pooled embeddings of two corpora."""
    input:
        source=figure_source_files("figure_10"),
        projection=rules.project_states.output,
        separation=rules.measure_separation.output,
    output:
        report(
            f"{RESULTS}/figures/figure_10.png",
            caption="../report/figure_10.rst",
            category="Figures",
            labels={"figure": "10", "shows": "embeddings"},
        ),
        multiext(
            f"{RESULTS}/figures/figure_10", ".pdf", ".csv", ".json", "_separation.csv"
        ),
    log:
        f"{RESULTS}/logs/figures/figure_10.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/figure_10.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    params:
        description=canonical_json(figure_description(study, "figure_10")),
        name=subpath(output[0], basename=True, strip_suffix=".png"),
        stem=subpath(output[0], strip_suffix=".png"),
    shell:
        r"""
        valence-gap figure {params.name:q} \
            --projection {input.projection:q} \
            --separation {input.separation:q} \
            --description {params.description:q} \
            --output-stem {params.stem:q} \
            2>{log:q}
        """


rule figure_11:
    """Figure 11: development CCC per epoch over several seeds."""
    input:
        source=figure_source_files("figure_11"),
        logs=logs_of("figure_11").values(),
    output:
        report(
            f"{RESULTS}/figures/figure_11.png",
            caption="../report/figure_11.rst",
            category="Figures",
            labels={"figure": "11", "shows": "stability"},
        ),
        multiext(f"{RESULTS}/figures/figure_11", ".pdf", ".csv", ".json"),
    log:
        f"{RESULTS}/logs/figures/figure_11.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/figure_11.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    params:
        logs=[*logs_of("figure_11")],
        description=canonical_json(figure_description(study, "figure_11")),
        name=subpath(output[0], basename=True, strip_suffix=".png"),
        stem=subpath(output[0], strip_suffix=".png"),
    shell:
        r"""
        valence-gap figure {params.name:q} \
            --training-logs {params.logs:q} \
            --description {params.description:q} \
            --output-stem {params.stem:q} \
            2>{log:q}
        """
