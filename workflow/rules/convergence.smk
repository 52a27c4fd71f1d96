# Whether the models were trained long enough: the stopping rule, of all targets' models and of the claims' alone.


rule convergence:
    """The stopping rule: which models were trained long enough, and the curves of all trainings."""
    input:
        source=checked_input(
            "convergence",
            [
                f"{SOURCES}/{path}"
                for path in source_dependencies(["scores/convergence.py"])
            ],
        ),
        logs=convergence_files("training.csv", *study.targets, "convergence"),
        records=convergence_files("run.json", *study.targets, "convergence"),
    output:
        multiext(f"{RESULTS}/convergence", ".csv", ".md", ".json"),
        curves=f"{RESULTS}/curves.csv",
    log:
        f"{RESULTS}/logs/convergence.log",
    benchmark:
        f"{RESULTS}/benchmarks/convergence.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        logs=convergence_logs(*study.targets, "convergence"),
        curves=lambda wildcards, output: ["--curves", output.curves],
        stem=subpath(output[0], strip_suffix=".csv"),
    shell:
        r"""
        valence-gap convergence \
            --training-logs {params.logs:q} \
            {params.curves:q} \
            --output-stem {params.stem:q} \
            2>{log:q}
        """


use rule convergence as convergence_of_claims with:
    """The stopping rule, of the models that the claims compare."""
    input:
        source=[
            f"{SOURCES}/{path}"
            for path in source_dependencies(["scores/convergence.py"])
        ],
        logs=convergence_files("training.csv", "claims"),
        records=convergence_files("run.json", "claims"),
    output:
        multiext(f"{RESULTS}/convergence_of_claims", ".csv", ".md", ".json"),
    log:
        f"{RESULTS}/logs/convergence_of_claims.log",
    benchmark:
        f"{RESULTS}/benchmarks/convergence_of_claims.tsv"
    params:
        logs=convergence_logs("claims"),
        curves=[],
        stem=subpath(output[0], strip_suffix=".csv"),
