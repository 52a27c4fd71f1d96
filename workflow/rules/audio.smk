rule pack_audio:
    """Decode the utterances of a split to 16 kHz mono PCM16 in one memory-mapped array."""
    input:
        utterances=f"{R}/corpora/{{corpus}}/utterances.{{split}}.parquet",
    output:
        audio=f"{R}/audio/{{corpus}}/clean/{{split}}/audio.npy",
        index=f"{R}/audio/{{corpus}}/clean/{{split}}/index.parquet",
        report=f"{R}/audio/{{corpus}}/clean/{{split}}/report.json",
    log:
        f"{R}/logs/pack_audio/{{corpus}}/{{split}}.log",
    benchmark:
        f"{R}/benchmarks/pack_audio/{{corpus}}/{{split}}.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=120,
    params:
        corpus=lambda wildcards: to_json(study.corpus(wildcards.corpus)),
        roots=lambda wildcards, output: root_options(wildcards),
        folder=subpath(output.audio, parent=True),
        revision=REVISIONS["audio"],
    shell:
        r"""
        valence-gap pack-audio \
            --utterances {input.utterances:q} \
            --corpus {params.corpus:q} \
            {params.roots:q} \
            --workers {threads} \
            --output {params.folder:q} \
            2>{log:q}
        """
