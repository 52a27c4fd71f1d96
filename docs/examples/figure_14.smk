

use rule figure_02 as figure_14 with:
    """Figure 14: valence CCC against arousal CCC."""
    input:
        source=figure_source_files("figure_14"),
        scores=scores_of("figure_14", "clean"),
    output:
        report(
            f"{RESULTS}/figures/figure_14.png",
            caption="../report/figure_14.rst",
            category="Figures",
            labels={"figure": "14", "shows": "valence gap"},
        ),
        multiext(f"{RESULTS}/figures/figure_14", ".pdf", ".csv", ".json"),
    log:
        f"{RESULTS}/logs/figures/figure_14.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/figure_14.tsv"
    params:
        description=canonical_json(figure_description(study, "figure_14")),
