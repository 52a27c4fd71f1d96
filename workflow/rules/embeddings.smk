rule measure_separation:
    """Measure how well the pooled embeddings of each model separate corpora, genders, speakers and valence (IV-K)."""
    input:
        predictions=predictions_of("figure_10", "clean").values(),
        embeddings=predictions_of(
            "figure_10", "clean", suffix="embeddings.npy"
        ).values(),
        labels=tables_of("figure_10", "labels").values(),
        utterances=tables_of("figure_10", "utterances").values(),
        packed=pack_indexes_of("figure_10").values(),
    output:
        f"{RESULTS}/embeddings/separation.csv",
    log:
        f"{RESULTS}/logs/measure_separation.log",
    benchmark:
        f"{RESULTS}/benchmarks/measure_separation.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        predictions=[*predictions_of("figure_10", "clean")],
        embeddings=[*predictions_of("figure_10", "clean", suffix="embeddings.npy")],
        labels=[*tables_of("figure_10", "labels")],
        utterances=[*tables_of("figure_10", "utterances")],
        packed=flags("--packed", pack_indexes_of("figure_10")),
        evaluation=to_json(study.configuration.evaluation),
        projection=lambda wildcards, output: to_json(study.configuration.projection),
        revision=with_settings(REVISIONS["embeddings"], projection_settings()),
    shell:
        r"""
        valence-gap measure-separation \
            --predictions {params.predictions:q} \
            --embeddings {params.embeddings:q} \
            --labels {params.labels:q} \
            --utterances {params.utterances:q} \
            {params.packed:q} \
            --evaluation {params.evaluation:q} \
            --projection {params.projection:q} \
            --output {output:q} \
            2>{log:q}
        """


rule project_states:
    """Project the pooled embeddings of each model to two dimensions with t-SNE (section IV-K)."""
    input:
        predictions=rules.measure_separation.input.predictions,
        embeddings=rules.measure_separation.input.embeddings,
        labels=rules.measure_separation.input.labels,
        utterances=rules.measure_separation.input.utterances,
        packed=rules.measure_separation.input.packed,
    output:
        f"{RESULTS}/embeddings/projection.parquet",
    log:
        f"{RESULTS}/logs/project_states.log",
    benchmark:
        f"{RESULTS}/benchmarks/project_states.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        predictions=rules.measure_separation.params.predictions,
        embeddings=rules.measure_separation.params.embeddings,
        labels=rules.measure_separation.params.labels,
        utterances=rules.measure_separation.params.utterances,
        packed=rules.measure_separation.params.packed,
        seed=study.configuration.evaluation.seed,
        projection=lambda wildcards, output: to_json(study.configuration.projection),
        revision=with_settings(REVISIONS["embeddings"], projection_settings()),
    shell:
        r"""
        valence-gap project-states \
            --predictions {params.predictions:q} \
            --embeddings {params.embeddings:q} \
            --labels {params.labels:q} \
            --utterances {params.utterances:q} \
            {params.packed:q} \
            --seed {params.seed} \
            --projection {params.projection:q} \
            --output {output:q} \
            2>{log:q}
        """
