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
    params:
        extra_args=[],
        name=subpath(output[0], basename=True, strip_suffix=".csv"),
        stem=subpath(output[0], strip_suffix=".csv"),
    shell:
        r"""
        valence-gap table {params.name:q} \
            {params.extra_args:q} \
            --output-stem {params.stem:q} \
            2>{log:q}
        """


use rule table_1 as table_2 with:
    """Table II: the pre-trained models; the number of parameters is counted in their weights."""
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
    params:
        extra_args=[
            "--description",
            canonical_json(table_description(study, "table_2")),
        ],


use rule table_1 as table_3 with:
    """Table III: change of the CCC of one model under each augmentation (section IV-H)."""
    input:
        source=table_source_files("table_3"),
        published=reference_files("table_3"),
        scores=scores_of("table_3", "clean", "augmented"),
        predictions=predictions_of("table_3", "clean", "augmented").values(),
        labels=tables_of("table_3", "labels").values(),
        utterances=tables_of("table_3", "utterances").values(),
        packed=pack_indexes_of("table_3").values(),
    output:
        multiext(f"{RESULTS}/tables/table_3", ".csv", ".md", ".tex"),
    log:
        f"{RESULTS}/logs/tables/table_3.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/table_3.tsv"
    params:
        extra_args=lambda wildcards, input: [
            "--scores",
            *input.scores,
            "--predictions",
            *predictions_of("table_3", "clean", "augmented"),
            "--labels",
            *tables_of("table_3", "labels"),
            "--utterances",
            *tables_of("table_3", "utterances"),
            *flags("--packed", pack_indexes_of("table_3")),
            *subset_options(study.figure_config("table_3").corpora),
            "--description",
            canonical_json(table_description(study, "table_3")),
        ],
