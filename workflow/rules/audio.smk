rule pack_audio:
    """Decode the utterances of a split to 16 kHz mono PCM16 in one memory-mapped array."""
    input:
        utterances=f"{RESULTS}/corpora/{{corpus}}/utterances.{{split}}.parquet",
    output:
        audio=f"{RESULTS}/audio/{{corpus}}/clean/{{split}}/audio.npy",
        index=f"{RESULTS}/audio/{{corpus}}/clean/{{split}}/index.parquet",
        report=f"{RESULTS}/audio/{{corpus}}/clean/{{split}}/report.json",
    log:
        f"{RESULTS}/logs/pack_audio/{{corpus}}/{{split}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/pack_audio/{{corpus}}/{{split}}.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    # The number of threads does not affect the result. The miniature is decoded so fast that one is enough.
    threads: lambda wildcards: 1 if study.is_miniature(wildcards.corpus) else 4
    resources:
        mem_mb=1000,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        corpus=lambda wildcards: to_json(study.corpus(wildcards.corpus)),
        roots=lambda wildcards, output: flags(
            "--root", study.paths(wildcards.corpus).audio
        ),
        folder=subpath(output.audio, parent=True),
        revision=REVISIONS["audio"],
    shell:
        r"""
        valence-gap pack-audio \
            --name {wildcards.corpus:q} \
            --utterances {input.utterances:q} \
            --corpus {params.corpus:q} \
            {params.roots:q} \
            --workers {threads} \
            --output {params.folder:q} \
            2>{log:q}
        """


rule apply_conditions:
    """Store the augmented test sets of a corpus (section III-D), or a fixed subset of each."""
    input:
        pack=lambda wildcards: by_content(
            pack_files(wildcards.corpus, "test"),
            made_variants(wildcards),
        ),
        noise=f"{RESULTS}/corpora/{NOISE}/inventory.csv" if study.noise_root() else [],
    output:
        [
            path
            for condition in study.configuration.augmented
            for path in pack_files("{corpus}", "test", condition)
        ],
    log:
        f"{RESULTS}/logs/apply_conditions/{{corpus}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/apply_conditions/{{corpus}}.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        audio=lambda wildcards, input: parent(input.pack[0]),
        noise=lambda wildcards, output: study.noise_root(),
        conditions=flags(
            "--condition",
            [
                f"{name}={to_json(study.condition(name))}"
                for name in study.configuration.augmented
            ],
        ),
        utterances=lambda wildcards, output: flags(
            "--utterances",
            filter(None, [study.augmented_utterances.get(wildcards.corpus)]),
        ),
        seed=study.configuration.seed,
        root=lambda wildcards: f"{RESULTS}/audio/{wildcards.corpus}",
        revision=lambda wildcards: with_settings(
            REVISIONS["conditions"], study.augmented_utterances.get(wildcards.corpus)
        ),
    shell:
        r"""
        valence-gap apply-conditions \
            --audio {params.audio:q} \
            --noise {params.noise:q} \
            {params.conditions:q} \
            {params.utterances:q} \
            --seed {params.seed} \
            --output-root {params.root:q} \
            2>{log:q}
        """


rule synthesise:
    """Synthesise neutral speech from the transcripts of a test set (section IV-C)."""
    input:
        f"{RESULTS}/corpora/{{corpus}}/utterances.test.parquet",
    output:
        audio=f"{RESULTS}/audio/{{corpus}}/synthesised/test/audio.npy",
        index=f"{RESULTS}/audio/{{corpus}}/synthesised/test/index.parquet",
        report=f"{RESULTS}/audio/{{corpus}}/synthesised/test/report.json",
    log:
        f"{RESULTS}/logs/synthesise/{{corpus}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/synthesise/{{corpus}}.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: 480 * attempt,
    params:
        definition=to_json(study.configuration.synthesiser),
        folder=subpath(output.audio, parent=True),
        revision=REVISIONS["synthesise"],
    shell:
        r"""
        valence-gap synthesise \
            --utterances {input:q} \
            --definition {params.definition:q} \
            --output {params.folder:q} \
            2>{log:q}
        """
