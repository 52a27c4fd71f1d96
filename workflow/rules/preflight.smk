rule preflight:
    """Check corpora, models, disk, memory and hours of the study, as it is configured now; always when asked for."""
    log:
        f"{RESULTS}/logs/preflight.log",
    # The logger plugin prints the log. No benchmark: Snakemake takes it for an output, and would not check again while
    # it lies there.
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        # A function, so that {miniature} in a path is no wildcard.
        configuration=lambda wildcards: canonical_json(config),
        project=str(PROJECT),
        result=f"{RESULTS}/preflight.json",
    shell:
        r"""
        valence-gap preflight \
            --configuration {params.configuration:q} \
            --project {params.project:q} \
            --json {params.result:q} \
            >{log:q} 2>&1
        """


onstart:
    from valence_gap.runtime.gpus import idle_gpus, unused_gpu
    from valence_gap.runtime.scheduling_rounds import keep_one_timer
    from valence_gap.terminal.handler import describe_plan

    keep_one_timer(workflow.scheduler)
    describe_plan(
        workflow.logger_manager.plugin_handlers,
        [
            (job.rule.name, job.wildcards_dict, str(job.benchmark or ""))
            for job in workflow.dag.needrun_jobs()
        ],
    )
    for sentence in (unused_gpu(), idle_gpus() if workflow.local_exec else ""):
        if sentence:
            print(sentence, file=sys.stderr)
    # Not an input of other rules: Snakemake would make them all again whenever the file is missing, as after a preflight
    # that failed, and shared backbones whenever another study fetched them last.
    if study.configuration.preflight:
        # Imported here, since it is slow and every job reads this file.
        from valence_gap.preflight.before_run import preflight_before_run

        try:
            planned = {job.rule.name for job in workflow.dag.needrun_jobs()}
            preflight_before_run(config, planned, PROJECT)
        except UserError as error:
            sys.exit(f"error: {error}")
    if workflow.local_exec and not workflow.touch:
        measure_before_run(
            study,
            [
                (job.rule.name, job.wildcards.get("model"))
                for job in workflow.dag.needrun_jobs()
            ],
        )
