rule score:
    """Compute the CCC of one model on one corpus, with bootstrap intervals: overall, by gender and by speaker."""
    input:
        predictions=f"{RESULTS}/predictions/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.parquet",
        labels=f"{RESULTS}/corpora/{{corpus}}/labels.test.parquet",
        utterances=f"{RESULTS}/corpora/{{corpus}}/utterances.test.parquet",
        packed=lambda wildcards: pack_indexes([wildcards.corpus]).values(),
        clean=clean_of_subset,
    output:
        scores=f"{RESULTS}/scores/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.csv",
        record=f"{RESULTS}/scores/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.run.json",
    log:
        f"{RESULTS}/logs/score/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/score/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        dimensions=lambda wildcards: ",".join(study.corpus(wildcards.corpus).dimensions),
        packed=lambda wildcards, input: flags("--pack-index", input.packed),
        clean=lambda wildcards, input: flags("--clean", input.clean)
        + flags(
            "--augmented-utterances",
            [study.augmented_utterances.get(wildcards.corpus) for _ in input.clean],
        ),
        evaluation=to_json(study.configuration.evaluation),
        revision=REVISIONS["score"],
    shell:
        r"""
        valence-gap score \
            --predictions {input.predictions:q} \
            --labels {input.labels:q} \
            --utterances {input.utterances:q} \
            {params.packed:q} \
            {params.clean:q} \
            --model {wildcards.model:q} \
            --seed {wildcards.seed:q} \
            --corpus {wildcards.corpus:q} \
            --dimensions {params.dimensions:q} \
            --evaluation {params.evaluation:q} \
            --output {output.scores:q} \
            --record {output.record:q} \
            2>{log:q}
        """


rule summarise_scores:
    """Collect all scores that the targets show in one table, with mean and spread over the seeds of each model."""
    input:
        source=[
            f"{SOURCES}/{path}" for path in source_dependencies(["scores/summary.py"])
        ],
        scores=scores_of_targets,  # a function: figures and tables are defined below
    output:
        f"{RESULTS}/scores.csv",
    log:
        f"{RESULTS}/logs/summarise_scores.log",
    benchmark:
        f"{RESULTS}/benchmarks/summarise_scores.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        kinds=canonical_json(study.kinds()),
        confidence=study.configuration.evaluation.confidence,
    shell:
        r"""
        valence-gap summarise-scores \
            --scores {input.scores:q} \
            --kinds {params.kinds:q} \
            --confidence {params.confidence:q} \
            --output {output:q} \
            2>{log:q}
        """


rule scores:
    """Score all selected models, and draw nothing."""
    input:
        [
            f"{RESULTS}/scores/{model}/seed-{seed}/{corpus}/clean.csv"
            for target in study.configuration.targets
            for model, seed, corpus in runs_of(target)
        ],
