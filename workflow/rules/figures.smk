rule figure_02:
    """Figure 2: CCC of every model, in-domain (MSP-Podcast) and cross-corpus (IEMOCAP, MOSI)."""
    input:
        source=figure_source_files("figure_02"),
        published=reference_files("figure_2", "section_4e"),
        scores=scores_of("figure_02", "clean"),
    output:
        report(
            f"{RESULTS}/figures/figure_02.png",
            caption="../report/figure_02.rst",
            category="Figures",
            labels={"figure": "2", "shows": "correctness"},
        ),
        multiext(f"{RESULTS}/figures/figure_02", ".pdf", ".csv", ".json"),
    log:
        f"{RESULTS}/logs/figures/figure_02.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/figure_02.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    params:
        extra_args=[],
        description=canonical_json(figure_description(study, "figure_02")),
        name=subpath(output[0], basename=True, strip_suffix=".png"),
        stem=subpath(output[0], strip_suffix=".png"),
    shell:
        r"""
        valence-gap figure {params.name:q} \
            --scores {input.scores:q} \
            {params.extra_args:q} \
            --description {params.description:q} \
            --output-stem {params.stem:q} \
            2>{log:q}
        """


use rule figure_02 as figure_06 with:
    """Figure 6: CCC averaged over the augmented test sets."""
    input:
        source=figure_source_files("figure_06"),
        published=reference_files("figure_2", "figure_6", "table_3"),
        scores=scores_of("figure_06", "clean", "augmented"),
    output:
        report(
            f"{RESULTS}/figures/figure_06.png",
            caption="../report/figure_06.rst",
            category="Figures",
            labels={"figure": "6", "shows": "robustness"},
        ),
        multiext(f"{RESULTS}/figures/figure_06", ".pdf", ".csv", ".json"),
    log:
        f"{RESULTS}/logs/figures/figure_06.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/figure_06.tsv"
    params:
        description=canonical_json(figure_description(study, "figure_06")),


use rule figure_02 as figure_08 with:
    """Figure 8: CCC of single speakers, and how well models agree on them."""
    input:
        source=figure_source_files("figure_08"),
        published=reference_files("figure_8"),
        scores=scores_of("figure_08", "clean"),
    output:
        report(
            f"{RESULTS}/figures/figure_08.png",
            caption="../report/figure_08.rst",
            category="Figures",
            labels={"figure": "8", "shows": "speakers"},
        ),
        multiext(
            f"{RESULTS}/figures/figure_08", ".pdf", ".csv", ".json", "_spearman.csv"
        ),
    log:
        f"{RESULTS}/logs/figures/figure_08.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/figure_08.tsv"
    params:
        description=canonical_json(figure_description(study, "figure_08")),


use rule figure_02 as figure_09 with:
    """Figure 9: CCC without pre-training."""
    input:
        source=figure_source_files("figure_09"),
        published=reference_files("figure_2", "section_4e"),
        scores=scores_of("figure_09", "clean"),
    output:
        report(
            f"{RESULTS}/figures/figure_09.png",
            caption="../report/figure_09.rst",
            category="Figures",
            labels={"figure": "9", "shows": "no pre-training"},
        ),
        multiext(f"{RESULTS}/figures/figure_09", ".pdf", ".csv", ".json"),
    log:
        f"{RESULTS}/logs/figures/figure_09.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/figure_09.tsv"
    params:
        description=canonical_json(figure_description(study, "figure_09")),


use rule figure_02 as figure_12 with:
    """Figure 12: CCC after removing top transformer layers."""
    input:
        source=figure_source_files("figure_12"),
        scores=scores_of("figure_12", "clean"),
        configs=whole_configs_of("figure_12").values(),
    output:
        report(
            f"{RESULTS}/figures/figure_12.png",
            caption="../report/figure_12.rst",
            category="Figures",
            labels={"figure": "12", "shows": "layers"},
        ),
        multiext(f"{RESULTS}/figures/figure_12", ".pdf", ".csv", ".json"),
    log:
        f"{RESULTS}/logs/figures/figure_12.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/figure_12.tsv"
    params:
        extra_args=["--configs", *whole_configs_of("figure_12")],
        description=canonical_json(figure_description(study, "figure_12")),


use rule figure_02 as figure_13 with:
    """Figure 13: CCC on fractions of the training set."""
    input:
        source=figure_source_files("figure_13"),
        scores=scores_of("figure_13", "clean"),
    output:
        report(
            f"{RESULTS}/figures/figure_13.png",
            caption="../report/figure_13.rst",
            category="Figures",
            labels={"figure": "13", "shows": "training data"},
        ),
        multiext(f"{RESULTS}/figures/figure_13", ".pdf", ".csv", ".json"),
    log:
        f"{RESULTS}/logs/figures/figure_13.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/figure_13.tsv"
    params:
        description=canonical_json(figure_description(study, "figure_13")),
