rule score:
    """CCC of one model on one corpus, with bootstrap intervals: all utterances, by gender and by speaker."""
    input:
        predictions=f"{R}/predictions/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.parquet",
        labels=f"{R}/corpora/{{corpus}}/labels.test.parquet",
        utterances=f"{R}/corpora/{{corpus}}/utterances.test.parquet",
        packed=lambda wildcards: packed([wildcards.corpus]).values(),
    output:
        scores=f"{R}/scores/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.csv",
        record=f"{R}/scores/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.run.json",
    log:
        f"{R}/logs/score/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.log",
    benchmark:
        f"{R}/benchmarks/score/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        dimensions=lambda wildcards: ",".join(study.corpus(wildcards.corpus).dimensions),
        packed=lambda wildcards, input: flags("--pack-index", input.packed),
        evaluation=to_json(study.configuration.evaluation),
        revision=REVISIONS["score"],
    shell:
        r"""
        valence-gap score \
            --predictions {input.predictions:q} \
            --labels {input.labels:q} \
            --utterances {input.utterances:q} \
            {params.packed:q} \
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
    """Put all scores that the targets show in one table: their mean and spread over the seeds of each model."""
    input:
        source=[f"{SOURCES}/{path}" for path in closure(["scores/summary.py"])],
        scores=scores_of_targets(),
    output:
        f"{R}/scores.csv",
    log:
        f"{R}/logs/summarise_scores.log",
    benchmark:
        f"{R}/benchmarks/summarise_scores.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=lambda wildcards, attempt: 10 * attempt,
    shell:
        r"""
        valence-gap summarise-scores \
            --scores {input.scores:q} \
            --output {output:q} \
            2>{log:q}
        """


rule scores:
    """Score all selected models, and draw nothing."""
    input:
        [
            f"{R}/scores/{model}/seed-{seed}/{corpus}/clean.csv"
            for target in study.configuration.targets
            for model, seed, corpus in runs(target)
        ],
