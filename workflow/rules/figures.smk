rule figure_02:
    """Figure 2: CCC of every model, in-domain (MSP-Podcast) and cross-corpus (IEMOCAP, MOSI)."""
    input:
        source=drawing("figure_02"),
        published=reference("figure_2"),
        scores=scores_of("figure_02", "clean"),
    output:
        report(
            f"{R}/figures/figure_02.pdf",
            caption="../report/figure_02.rst",
            category="Figures",
            labels={"figure": "2", "shows": "correctness"},
        ),
        multiext(f"{R}/figures/figure_02", ".png", ".csv"),
    log:
        f"{R}/logs/figures/figure_02.log",
    benchmark:
        f"{R}/benchmarks/figures/figure_02.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        more=[],
        description=canonical_json(figure_description(study, "figure_02")),
        name=subpath(output[0], basename=True, strip_suffix=".pdf"),
        stem=subpath(output[0], strip_suffix=".pdf"),
    shell:
        r"""
        valence-gap figure {params.name:q} \
            --scores {input.scores:q} \
            {params.more:q} \
            --description {params.description:q} \
            --output-stem {params.stem:q} \
            2>{log:q}
        """


rule figure_03:
    """Figure 3: CCC of the fusion with text minus that of the audio model alone."""
    input:
        source=drawing("figure_03"),
        predictions=predictions_of("figure_03", "clean").values(),
        labels=tables_of("figure_03", "labels").values(),
        transcriptions=transcriptions_of("figure_03").values(),
        packed=packed_of("figure_03").values(),
    output:
        report(
            f"{R}/figures/figure_03.pdf",
            caption="../report/figure_03.rst",
            category="Figures",
            labels={"figure": "3", "shows": "fusion with text"},
        ),
        multiext(f"{R}/figures/figure_03", ".png", ".csv", "_word_error_rates.csv"),
    log:
        f"{R}/logs/figures/figure_03.log",
    benchmark:
        f"{R}/benchmarks/figures/figure_03.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        predictions=[*predictions_of("figure_03", "clean")],
        labels=[*tables_of("figure_03", "labels")],
        more=["--transcriptions", *transcriptions_of("figure_03")],
        packed=flags("--packed", packed_of("figure_03")),
        description=canonical_json(figure_description(study, "figure_03")),
        name=subpath(output[0], basename=True, strip_suffix=".pdf"),
        stem=subpath(output[0], strip_suffix=".pdf"),
    shell:
        r"""
        valence-gap figure {params.name:q} \
            --predictions {params.predictions:q} \
            --labels {params.labels:q} \
            {params.more:q} \
            {params.packed:q} \
            --description {params.description:q} \
            --output-stem {params.stem:q} \
            2>{log:q}
        """


use rule figure_03 as figure_04 with:
    """Figure 4: valence on original and on synthesised speech of the same words."""
    input:
        source=drawing("figure_04"),
        predictions=predictions_of("figure_04", "clean", "synthesised").values(),
        labels=tables_of("figure_04", "labels").values(),
        packed=packed_of("figure_04").values(),
    output:
        report(
            f"{R}/figures/figure_04.pdf",
            caption="../report/figure_04.rst",
            category="Figures",
            labels={"figure": "4", "shows": "synthesised speech"},
        ),
        multiext(f"{R}/figures/figure_04", ".png", ".csv"),
    log:
        f"{R}/logs/figures/figure_04.log",
    benchmark:
        f"{R}/benchmarks/figures/figure_04.tsv"
    params:
        predictions=[*predictions_of("figure_04", "clean", "synthesised")],
        labels=[*tables_of("figure_04", "labels")],
        more=[],
        packed=flags("--packed", packed_of("figure_04")),
        description=canonical_json(figure_description(study, "figure_04")),


use rule figure_03 as figure_05 with:
    """Figure 5: CCC of the fine-tuned minus that of the frozen model."""
    input:
        source=drawing("figure_05"),
        predictions=predictions_of("figure_05", "clean").values(),
        labels=tables_of("figure_05", "labels").values(),
        packed=packed_of("figure_05").values(),
    output:
        report(
            f"{R}/figures/figure_05.pdf",
            caption="../report/figure_05.rst",
            category="Figures",
            labels={"figure": "5", "shows": "fine-tuned and frozen"},
        ),
        multiext(f"{R}/figures/figure_05", ".png", ".csv"),
    log:
        f"{R}/logs/figures/figure_05.log",
    benchmark:
        f"{R}/benchmarks/figures/figure_05.tsv"
    params:
        predictions=[*predictions_of("figure_05", "clean")],
        labels=[*tables_of("figure_05", "labels")],
        more=[],
        packed=flags("--packed", packed_of("figure_05")),
        description=canonical_json(figure_description(study, "figure_05")),


use rule figure_02 as figure_06 with:
    """Figure 6: CCC averaged over the augmented test sets."""
    input:
        source=drawing("figure_06"),
        scores=scores_of("figure_06", "clean", "augmented"),
    output:
        report(
            f"{R}/figures/figure_06.pdf",
            caption="../report/figure_06.rst",
            category="Figures",
            labels={"figure": "6", "shows": "robustness"},
        ),
        multiext(f"{R}/figures/figure_06", ".png", ".csv"),
    log:
        f"{R}/logs/figures/figure_06.log",
    benchmark:
        f"{R}/benchmarks/figures/figure_06.tsv"
    params:
        description=canonical_json(figure_description(study, "figure_06")),


use rule figure_03 as figure_07 with:
    """Figure 7: CCC of female minus CCC of male speakers."""
    input:
        source=drawing("figure_07"),
        predictions=predictions_of("figure_07", "clean").values(),
        labels=tables_of("figure_07", "labels").values(),
        utterances=tables_of("figure_07", "utterances").values(),
        packed=packed_of("figure_07").values(),
    output:
        report(
            f"{R}/figures/figure_07.pdf",
            caption="../report/figure_07.rst",
            category="Figures",
            labels={"figure": "7", "shows": "gender fairness"},
        ),
        multiext(f"{R}/figures/figure_07", ".png", ".csv"),
    log:
        f"{R}/logs/figures/figure_07.log",
    benchmark:
        f"{R}/benchmarks/figures/figure_07.tsv"
    params:
        predictions=[*predictions_of("figure_07", "clean")],
        labels=[*tables_of("figure_07", "labels")],
        more=["--utterances", *tables_of("figure_07", "utterances")],
        packed=flags("--packed", packed_of("figure_07")),
        description=canonical_json(figure_description(study, "figure_07")),


use rule figure_02 as figure_08 with:
    """Figure 8: CCC of single speakers, and how models agree on them."""
    input:
        source=drawing("figure_08"),
        scores=scores_of("figure_08", "clean"),
    output:
        report(
            f"{R}/figures/figure_08.pdf",
            caption="../report/figure_08.rst",
            category="Figures",
            labels={"figure": "8", "shows": "speakers"},
        ),
        multiext(f"{R}/figures/figure_08", ".png", ".csv", "_spearman.csv"),
    log:
        f"{R}/logs/figures/figure_08.log",
    benchmark:
        f"{R}/benchmarks/figures/figure_08.tsv"
    params:
        description=canonical_json(figure_description(study, "figure_08")),


use rule figure_02 as figure_09 with:
    """Figure 9: CCC without pre-training."""
    input:
        source=drawing("figure_09"),
        published=reference("figure_2"),
        scores=scores_of("figure_09", "clean"),
    output:
        report(
            f"{R}/figures/figure_09.pdf",
            caption="../report/figure_09.rst",
            category="Figures",
            labels={"figure": "9", "shows": "no pre-training"},
        ),
        multiext(f"{R}/figures/figure_09", ".png", ".csv"),
    log:
        f"{R}/logs/figures/figure_09.log",
    benchmark:
        f"{R}/benchmarks/figures/figure_09.tsv"
    params:
        description=canonical_json(figure_description(study, "figure_09")),


rule figure_10:
    """Figure 10: t-SNE of the pooled embeddings of two corpora."""
    input:
        source=drawing("figure_10"),
        projection=rules.project_states.output,
        separation=rules.measure_separation.output,
    output:
        report(
            f"{R}/figures/figure_10.pdf",
            caption="../report/figure_10.rst",
            category="Figures",
            labels={"figure": "10", "shows": "embeddings"},
        ),
        multiext(f"{R}/figures/figure_10", ".png", ".csv", "_separation.csv"),
    log:
        f"{R}/logs/figures/figure_10.log",
    benchmark:
        f"{R}/benchmarks/figures/figure_10.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        description=canonical_json(figure_description(study, "figure_10")),
        name=subpath(output[0], basename=True, strip_suffix=".pdf"),
        stem=subpath(output[0], strip_suffix=".pdf"),
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
        source=drawing("figure_11"),
        logs=logs_of("figure_11").values(),
    output:
        report(
            f"{R}/figures/figure_11.pdf",
            caption="../report/figure_11.rst",
            category="Figures",
            labels={"figure": "11", "shows": "stability"},
        ),
        multiext(f"{R}/figures/figure_11", ".png", ".csv"),
    log:
        f"{R}/logs/figures/figure_11.log",
    benchmark:
        f"{R}/benchmarks/figures/figure_11.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        logs=[*logs_of("figure_11")],
        description=canonical_json(figure_description(study, "figure_11")),
        name=subpath(output[0], basename=True, strip_suffix=".pdf"),
        stem=subpath(output[0], strip_suffix=".pdf"),
    shell:
        r"""
        valence-gap figure {params.name:q} \
            --training-logs {params.logs:q} \
            --description {params.description:q} \
            --output-stem {params.stem:q} \
            2>{log:q}
        """


use rule figure_02 as figure_12 with:
    """Figure 12: CCC after removing top transformer layers."""
    input:
        source=drawing("figure_12"),
        scores=scores_of("figure_12", "clean"),
        configs=whole_configs_of("figure_12").values(),
    output:
        report(
            f"{R}/figures/figure_12.pdf",
            caption="../report/figure_12.rst",
            category="Figures",
            labels={"figure": "12", "shows": "layers"},
        ),
        multiext(f"{R}/figures/figure_12", ".png", ".csv"),
    log:
        f"{R}/logs/figures/figure_12.log",
    benchmark:
        f"{R}/benchmarks/figures/figure_12.tsv"
    params:
        more=["--configs", *whole_configs_of("figure_12")],
        description=canonical_json(figure_description(study, "figure_12")),


use rule figure_02 as figure_13 with:
    """Figure 13: CCC on fractions of the training set."""
    input:
        source=drawing("figure_13"),
        scores=scores_of("figure_13", "clean"),
    output:
        report(
            f"{R}/figures/figure_13.pdf",
            caption="../report/figure_13.rst",
            category="Figures",
            labels={"figure": "13", "shows": "training data"},
        ),
        multiext(f"{R}/figures/figure_13", ".png", ".csv"),
    log:
        f"{R}/logs/figures/figure_13.log",
    benchmark:
        f"{R}/benchmarks/figures/figure_13.tsv"
    params:
        description=canonical_json(figure_description(study, "figure_13")),
