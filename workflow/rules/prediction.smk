rule predict:
    """Predict a test set under a set of conditions, with the pooled embeddings of the same pass."""
    input:
        model=f"{R}/models/{{model}}/seed-{{seed}}/model.safetensors",
        config=f"{R}/models/{{model}}/seed-{{seed}}/config.json",
        tested=tested,
    output:
        predictions=f"{R}/predictions/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.parquet",
        embeddings=f"{R}/predictions/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.embeddings.npy",
        record=f"{R}/predictions/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.run.json",
    log:
        f"{R}/logs/predict/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.log",
    benchmark:
        f"{R}/benchmarks/predict/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.tsv"
    wildcard_constraints:
        model=alternatives(study.models),
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=1,
    params:
        model=lambda wildcards, input: parent(input.model),
        tested=tested_options,
        deterministic=lambda wildcards, output: deterministic([wildcards.model]),
        revision=REVISIONS["predict"],
    shell:
        r"""
        valence-gap predict-conditions \
            --model {params.model:q} \
            {params.tested:q} \
            --threads {threads} \
            {params.deterministic:q} \
            --output {output.predictions:q} \
            --embeddings {output.embeddings:q} \
            --record {output.record:q} \
            2>{log:q}
        """


rule pool_states:
    """Pooled states of a trained audio model on a split that a fusion is trained on (section IV-B)."""
    input:
        model=f"{R}/models/{{model}}/seed-{{seed}}/model.safetensors",
        config=f"{R}/models/{{model}}/seed-{{seed}}/config.json",
        heard=lambda wildcards: heard(
            wildcards.model, wildcards.corpus, wildcards.split
        ),
    output:
        predictions=f"{R}/states/{{model}}/seed-{{seed}}/{{corpus}}/{{split}}.parquet",
        embeddings=f"{R}/states/{{model}}/seed-{{seed}}/{{corpus}}/{{split}}.embeddings.npy",
        record=f"{R}/states/{{model}}/seed-{{seed}}/{{corpus}}/{{split}}.run.json",
    log:
        f"{R}/logs/pool_states/{{model}}/seed-{{seed}}/{{corpus}}/{{split}}.log",
    benchmark:
        f"{R}/benchmarks/pool_states/{{model}}/seed-{{seed}}/{{corpus}}/{{split}}.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=1,
    params:
        model=lambda wildcards, input: parent(input.model),
        heard=lambda wildcards: heard_option(
            wildcards.model, wildcards.corpus, wildcards.split
        ),
        deterministic=lambda wildcards, output: deterministic([wildcards.model]),
        revision=REVISIONS["predict"],
    shell:
        r"""
        valence-gap predict-conditions \
            --model {params.model:q} \
            {params.heard:q} \
            --threads {threads} \
            {params.deterministic:q} \
            --output {output.predictions:q} \
            --embeddings {output.embeddings:q} \
            --record {output.record:q} \
            2>{log:q}
        """
