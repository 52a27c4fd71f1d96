rule transcribe:
    """Transcribe a split with a speech recogniser; report its word error rate if the corpus has transcripts."""
    input:
        recogniser=lambda wildcards: by_content(
            pretrained_files(study.configuration.recogniser), made_texts(wildcards)
        ),
        pack=lambda wildcards: by_content(
            pack_files(wildcards.corpus, wildcards.split), made_texts(wildcards)
        ),
        utterances=f"{RESULTS}/corpora/{{corpus}}/utterances.{{split}}.parquet",
    output:
        transcripts=f"{RESULTS}/text/{{corpus}}/{{split}}/transcripts.parquet",
        report=f"{RESULTS}/text/{{corpus}}/{{split}}/report.json",
    log:
        f"{RESULTS}/logs/transcribe/{{corpus}}/{{split}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/transcribe/{{corpus}}/{{split}}.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=lambda wildcards, attempt: 480 * attempt,
        gpu=1,
    params:
        recogniser=lambda wildcards, input: parent(input.recogniser[0]),
        audio=lambda wildcards, input: parent(input.pack[0]),
        revision=REVISIONS["text"],
    shell:
        r"""
        valence-gap transcribe \
            --model {params.recogniser:q} \
            --audio {params.audio:q} \
            --utterances {input.utterances:q} \
            --threads {threads} \
            --output {output.transcripts:q} \
            --report {output.report:q} \
            2>{log:q}
        """


rule embed_text:
    """Compute mean-pooled BERT embeddings of the recogniser's transcripts (section IV-B)."""
    input:
        encoder=lambda wildcards: by_content(
            pretrained_files(study.configuration.text_encoder),
            made_text_embeddings(wildcards),
        ),
        transcripts=f"{RESULTS}/text/{{corpus}}/{{split}}/transcripts.parquet",
    output:
        embeddings=f"{RESULTS}/text/{{corpus}}/{{split}}/embeddings.npy",
        index=f"{RESULTS}/text/{{corpus}}/{{split}}/index.parquet",
        report=f"{RESULTS}/text/{{corpus}}/{{split}}/embeddings.json",
    log:
        f"{RESULTS}/logs/embed_text/{{corpus}}/{{split}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/embed_text/{{corpus}}/{{split}}.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=1,
    params:
        encoder=lambda wildcards, input: parent(input.encoder[0]),
        revision=REVISIONS["text"],
    shell:
        r"""
        valence-gap embed-text \
            --model {params.encoder:q} \
            --transcripts {input.transcripts:q} \
            --threads {threads} \
            --output {output.embeddings:q} \
            --index {output.index:q} \
            --report {output.report:q} \
            2>{log:q}
        """


rule train_fusion:
    """Train a head on the frozen embeddings of an audio model together with those of the text (section IV-B)."""
    input:
        train=lambda wildcards: by_content(
            embedding_files(wildcards.fusion, wildcards.seed, "train"),
            made_fusion(wildcards),
        ),
        dev=lambda wildcards: by_content(
            embedding_files(wildcards.fusion, wildcards.seed, "dev"),
            made_fusion(wildcards),
        ),
        train_text=lambda wildcards: by_content(
            [f"{RESULTS}/text/{TRAIN_CORPUS}/train/embeddings.npy"],
            made_fusion(wildcards),
        ),
        train_index=rules.embed_text.output.index.format(
            corpus=TRAIN_CORPUS, split="train"
        ),
        train_labels=f"{RESULTS}/corpora/{TRAIN_CORPUS}/labels.train.parquet",
        dev_text=lambda wildcards: by_content(
            [f"{RESULTS}/text/{TRAIN_CORPUS}/dev/embeddings.npy"],
            made_fusion(wildcards),
        ),
        dev_index=rules.embed_text.output.index.format(corpus=TRAIN_CORPUS, split="dev"),
        dev_labels=f"{RESULTS}/corpora/{TRAIN_CORPUS}/labels.dev.parquet",
        backbone=fusion_backbone,
        lengths=fusion_lengths,
    output:
        multiext(
            f"{RESULTS}/models/{{fusion}}/seed-{{seed}}/",
            "model.safetensors",
            "config.json",
            "training.csv",
            "run.json",
        ),
    log:
        f"{RESULTS}/logs/train_fusion/{{fusion}}/seed-{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_fusion/{{fusion}}/seed-{{seed}}.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: lambda wildcards: study.fusion(wildcards.fusion, int(wildcards.seed)).recipe.threads
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        definition=lambda wildcards: to_json(
            study.fusion(wildcards.fusion, int(wildcards.seed))
        ),
        recipe_inputs=lambda wildcards, input: [
            *flags("--backbone", map(parent, input.backbone)),
            *flags("--train-lengths", input.lengths),
        ],
        folder=subpath(output[0], parent=True),
        revision=REVISIONS["fusion"],
    shell:
        r"""
        valence-gap train-fusion \
            --definition {params.definition:q} \
            --train-predictions {input.train[0]:q} \
            --train-embeddings {input.train[1]:q} \
            --train-text-embeddings {input.train_text:q} \
            --train-text-index {input.train_index:q} \
            --train-labels {input.train_labels:q} \
            --dev-predictions {input.dev[0]:q} \
            --dev-embeddings {input.dev[1]:q} \
            --dev-text-embeddings {input.dev_text:q} \
            --dev-text-index {input.dev_index:q} \
            --dev-labels {input.dev_labels:q} \
            {params.recipe_inputs:q} \
            --output {params.folder:q} \
            2>{log:q}
        """


rule predict_fusion:
    """Predict a test set from the embeddings of an audio model together with those of the text."""
    input:
        model=f"{RESULTS}/models/{{fusion}}/seed-{{seed}}/model.safetensors",
        config=f"{RESULTS}/models/{{fusion}}/seed-{{seed}}/config.json",
        audio=lambda wildcards: by_content(
            embedding_files(
                wildcards.fusion, wildcards.seed, "test", wildcards.corpus
            ),
            made_fused_predictions(wildcards),
        ),
        text=lambda wildcards: by_content(
            [f"{RESULTS}/text/{wildcards.corpus}/test/embeddings.npy"],
            made_fused_predictions(wildcards),
        ),
        index=f"{RESULTS}/text/{{corpus}}/test/index.parquet",
    output:
        predictions=f"{RESULTS}/predictions/{{fusion}}/seed-{{seed}}/{{corpus}}/clean.parquet",
        record=f"{RESULTS}/predictions/{{fusion}}/seed-{{seed}}/{{corpus}}/clean.run.json",
    log:
        f"{RESULTS}/logs/predict_fusion/{{fusion}}/seed-{{seed}}/{{corpus}}/clean.log",
    benchmark:
        f"{RESULTS}/benchmarks/predict_fusion/{{fusion}}/seed-{{seed}}/{{corpus}}/clean.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        model=lambda wildcards, input: parent(input.model),
        revision=REVISIONS["fusion"],
    shell:
        r"""
        valence-gap predict-fusion \
            --model {params.model:q} \
            --predictions {input.audio[0]:q} \
            --embeddings {input.audio[1]:q} \
            --text-embeddings {input.text:q} \
            --text-index {input.index:q} \
            --output {output.predictions:q} \
            --record {output.record:q} \
            2>{log:q}
        """
