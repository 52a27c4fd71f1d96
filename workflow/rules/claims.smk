rule claims:
    """The paper's answers as statements, evaluated on the scores: supported, contradicted or inconclusive."""
    input:
        claims=checked_input("claims", str(study.claims_file)),
        predictions=claims_predictions().values(),
        labels=claims_tables("labels").values(),
        utterances=claims_tables("utterances").values(),
        logs=claims_logs().values(),
        packed=pack_indexes(claims_corpora()).values(),
        published=reference_files(
            "figure_2",
            "figure_6",
            "figure_7",
            "figure_8",
            "section_4e",
            "table_1",
            "table_3",
        ),
        separation=(
            rules.measure_separation.output if study.claims_need_separation() else []
        ),
        convergence=(
            [rules.convergence_of_claims.output[2]]
            if convergence_logs("claims")
            else []
        ),
    output:
        report(
            f"{RESULTS}/claims.md",
            caption="../report/claims.rst",
            category="Claims",
        ),
        multiext(f"{RESULTS}/claims", ".csv", ".json"),
        record=f"{RESULTS}/claims.run.json",
    log:
        f"{RESULTS}/logs/claims.log",
    benchmark:
        f"{RESULTS}/benchmarks/claims.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        roles=(
            to_json(study.configuration.claims) if study.configuration.claims else "{}"
        ),
        predictions=[*claims_predictions()],
        labels=[*claims_tables("labels")],
        utterances=[*claims_tables("utterances")],
        logs=[*claims_logs()],
        packed=flags("--packed", pack_indexes(claims_corpora()))
        + subset_options(claims_corpora()),
        separation=lambda wildcards, input: flags("--separation", input.separation),
        convergence=lambda wildcards, input: flags("--convergence", input.convergence),
        kinds=canonical_json(study.kinds()),
        evaluation=to_json(study.configuration.evaluation),
        note=flags("--note", filter(None, [study.configuration.note])),
        published="--published" if study.figure_config("figure_02").published else [],
        stem=subpath(output[0], strip_suffix=".md"),
        revision=REVISIONS["claims"],
    shell:
        r"""
        valence-gap claims \
            --claims {input.claims:q} \
            --roles {params.roles:q} \
            --predictions {params.predictions:q} \
            --labels {params.labels:q} \
            --utterances {params.utterances:q} \
            --training-logs {params.logs:q} \
            --kinds {params.kinds:q} \
            {params.separation:q} \
            {params.convergence:q} \
            {params.packed:q} \
            --evaluation {params.evaluation:q} \
            {params.published:q} \
            {params.note:q} \
            --output-stem {params.stem:q} \
            --record {output.record:q} \
            >{log:q} 2>&1
        """
