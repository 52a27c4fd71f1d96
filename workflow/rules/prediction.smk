rule predict:
    """Predict arousal, dominance and valence of a test set, with the pooled embeddings of the same pass."""
    input:
        model=f"{R}/models/{{model}}/seed-{{seed}}/model.safetensors",
        config=f"{R}/models/{{model}}/seed-{{seed}}/config.json",
        audio=lambda wildcards: pack(wildcards.corpus, "test"),
        features=cached_features,
    output:
        predictions=f"{R}/predictions/{{model}}/seed-{{seed}}/{{corpus}}/clean.parquet",
        embeddings=f"{R}/predictions/{{model}}/seed-{{seed}}/{{corpus}}/clean.embeddings.npy",
    log:
        f"{R}/logs/predict/{{model}}/seed-{{seed}}/{{corpus}}/clean.log",
    benchmark:
        f"{R}/benchmarks/predict/{{model}}/seed-{{seed}}/{{corpus}}/clean.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
        gpu=1,
    params:
        model=lambda wildcards, input: parent(input.model),
        audio=lambda wildcards, input: parent(input.audio[0]),
        features=lambda wildcards: features_option(wildcards),
        revision=REVISIONS["predict"],
    shell:
        r"""
        valence-gap predict \
            --model {params.model:q} \
            --audio {params.audio:q} \
            {params.features:q} \
            --threads {threads} \
            --output {output.predictions:q} \
            --embeddings {output.embeddings:q} \
            2>{log:q}
        """
