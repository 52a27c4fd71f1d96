rule measure_precision:
    """Time matrix products in float32 and bfloat16 on this CPU; `precision: auto` follows the faster one. Once a study."""
    output:
        study.precision_file,
    log:
        f"{RESULTS}/logs/measure_precision.log",
    benchmark:
        f"{RESULTS}/benchmarks/measure_precision.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: study.auto_threads()
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: 10 * attempt,
    shell:
        r"""
        valence-gap measure-precision \
            --threads {threads} \
            --output {output:q} \
            >{log:q} 2>&1
        """
