rule predict:
    """Predict a clean test set, and store the pooled embeddings of the same pass."""
    input:
        model=lambda wildcards: by_content(
            [
                f"{study.model_folder(wildcards.model, wildcards.seed)}/model.safetensors"
            ],
            made_predictions(wildcards),
        ),
        config=f"{RESULTS}/models/{{model}}/seed-{{seed}}/config.json",
        test_inputs=lambda wildcards: by_content(
            test_inputs(wildcards), made_predictions(wildcards)
        ),
    output:
        predictions=f"{RESULTS}/predictions/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.parquet",
        embeddings=f"{RESULTS}/predictions/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.embeddings.npy",
        record=f"{RESULTS}/predictions/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.run.json",
    log:
        f"{RESULTS}/logs/predict/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/predict/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.tsv"
    wildcard_constraints:
        model=alternatives(study.models),
        conditions="clean",
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=5000,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=1,
    params:
        model=lambda wildcards, input: parent(input.config),
        test_inputs=test_input_options,
        deterministic=lambda wildcards, output: deterministic_flag([wildcards.model]),
        measured_precision=lambda wildcards, output: study.precision_file,
        revision=lambda wildcards: with_settings(
            REVISIONS["predict"], number_format(wildcards.model)
        ),
    shell:
        r"""
        valence-gap predict-conditions \
            --model {params.model:q} \
            {params.test_inputs:q} \
            --threads {threads} \
            --measured-precision {params.measured_precision:q} \
            {params.deterministic:q} \
            --output {output.predictions:q} \
            --embeddings {output.embeddings:q} \
            --record {output.record:q} \
            2>{log:q}
        """


rule predict_conditions:
    """Predict a test set under the augmentations or as synthesised speech; nothing reads its pooled embeddings."""
    input:
        model=lambda wildcards: by_content(
            [
                f"{study.model_folder(wildcards.model, wildcards.seed)}/model.safetensors"
            ],
            made_predictions(wildcards),
        ),
        config=f"{RESULTS}/models/{{model}}/seed-{{seed}}/config.json",
        test_inputs=lambda wildcards: by_content(
            test_inputs(wildcards), made_predictions(wildcards)
        ),
    output:
        predictions=f"{RESULTS}/predictions/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.parquet",
        record=f"{RESULTS}/predictions/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.run.json",
    log:
        f"{RESULTS}/logs/predict_conditions/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/predict_conditions/{{model}}/seed-{{seed}}/{{corpus}}/{{conditions}}.tsv"
    wildcard_constraints:
        model=alternatives(study.models),
        conditions="augmented|synthesised",
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=5000,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=1,
    params:
        model=lambda wildcards, input: parent(input.config),
        test_inputs=test_input_options,
        deterministic=lambda wildcards, output: deterministic_flag([wildcards.model]),
        measured_precision=lambda wildcards, output: study.precision_file,
        revision=lambda wildcards: with_settings(
            REVISIONS["predict"], number_format(wildcards.model)
        ),
    shell:
        r"""
        valence-gap predict-conditions \
            --model {params.model:q} \
            {params.test_inputs:q} \
            --threads {threads} \
            --measured-precision {params.measured_precision:q} \
            {params.deterministic:q} \
            --output {output.predictions:q} \
            --record {output.record:q} \
            2>{log:q}
        """


rule pool_states:
    """Compute the pooled embeddings of an audio model on a split that a fusion is trained on (section IV-B)."""
    input:
        model=lambda wildcards: by_content(
            [
                f"{study.model_folder(wildcards.model, wildcards.seed)}/model.safetensors"
            ],
            made_states(wildcards),
        ),
        config=f"{RESULTS}/models/{{model}}/seed-{{seed}}/config.json",
        model_inputs=lambda wildcards: by_content(
            model_inputs(wildcards.model, wildcards.corpus, wildcards.split),
            made_states(wildcards),
        ),
    output:
        predictions=f"{RESULTS}/states/{{model}}/seed-{{seed}}/{{corpus}}/{{split}}.parquet",
        embeddings=f"{RESULTS}/states/{{model}}/seed-{{seed}}/{{corpus}}/{{split}}.embeddings.npy",
        record=f"{RESULTS}/states/{{model}}/seed-{{seed}}/{{corpus}}/{{split}}.run.json",
    log:
        f"{RESULTS}/logs/pool_states/{{model}}/seed-{{seed}}/{{corpus}}/{{split}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/pool_states/{{model}}/seed-{{seed}}/{{corpus}}/{{split}}.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=5000,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=1,
    params:
        model=lambda wildcards, input: parent(input.config),
        model_inputs=lambda wildcards: model_input_options(
            wildcards.model, wildcards.corpus, wildcards.split
        ),
        deterministic=lambda wildcards, output: deterministic_flag([wildcards.model]),
        measured_precision=lambda wildcards, output: study.precision_file,
        revision=lambda wildcards: with_settings(
            REVISIONS["predict"], number_format(wildcards.model)
        ),
    shell:
        r"""
        valence-gap predict-conditions \
            --model {params.model:q} \
            {params.model_inputs:q} \
            --threads {threads} \
            --measured-precision {params.measured_precision:q} \
            {params.deterministic:q} \
            --output {output.predictions:q} \
            --embeddings {output.embeddings:q} \
            --record {output.record:q} \
            2>{log:q}
        """
