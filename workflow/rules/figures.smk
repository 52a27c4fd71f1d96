rule figure_02:
    """Figure 2: CCC of every model, in-domain (MSP-Podcast) and cross-corpus (IEMOCAP, MOSI)."""
    input:
        source=[
            "src/valence_gap/figures/figure_02.py",
            "src/valence_gap/figures/style.py",
        ],
        scores=scores_of("figure_02"),
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
        mem_mb=1000,
        runtime=10,
    params:
        description=canonical_json(study.description("figure_02")),
        stem=subpath(output[0], strip_suffix=".pdf"),
    shell:
        r"""
        valence-gap figure figure_02 \
            --scores {input.scores:q} \
            --description {params.description:q} \
            --output-stem {params.stem:q} \
            2>{log:q}
        """
