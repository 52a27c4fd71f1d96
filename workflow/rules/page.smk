# The page of a study: everything in one file, results/<study>/index.html, with which every run ends.


rule page_utterances:
    """Choose the utterances that the page shows, with labels and predictions of one model, and some of their audio."""
    input:
        predictions=lambda wildcards: by_content(
            page_predictions().values(), made_page_utterances()
        ),
        labels=lambda wildcards: page_tables("labels").values(),
        utterances=lambda wildcards: page_tables("utterances").values(),
        packs=lambda wildcards: by_content(
            page_packs().values(), made_page_utterances()
        ),
    output:
        utterances=f"{RESULTS}/page/utterances.json",
        record=f"{RESULTS}/page/utterances.run.json",
    log:
        f"{RESULTS}/logs/page_utterances.log",
    benchmark:
        f"{RESULTS}/benchmarks/page_utterances.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        run=lambda wildcards: [
            word
            for model, seed in page_run()
            for word in ("--model", model, "--run-seed", str(seed))
        ],
        predictions=lambda wildcards: [*page_predictions()],
        labels=lambda wildcards: [*page_tables("labels")],
        utterances=lambda wildcards: [*page_tables("utterances")],
        packs=lambda wildcards: [*page_packs()],
        seed=study.configuration.seed,
        revision=REVISIONS["page"],
    shell:
        r"""
        valence-gap page-utterances \
            {params.run:q} \
            --predictions {params.predictions:q} \
            --labels {params.labels:q} \
            --utterances {params.utterances:q} \
            --packs {params.packs:q} \
            --seed {params.seed} \
            --output {output.utterances:q} \
            --record {output.record:q} \
            2>{log:q}
        """


rule page:
    """Write the page of the study, index.html: answer, figures, tables, claims, scores and utterances in one file."""
    input:
        source=page_source_files(),
        results=page_inputs,
        utterances=page_utterances_file,
    output:
        report(
            f"{RESULTS}/index.html",
            caption="../report/page.rst",
            category="Page",
        ),
    log:
        f"{RESULTS}/logs/page.log",
    benchmark:
        f"{RESULTS}/benchmarks/page.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        folder=subpath(output[0], parent=True),
        description=to_json(page_description(study)),
        claims=str(study.claims_file),
        captions=str(PROJECT / "workflow/report"),
        utterances=lambda wildcards, input: flags("--utterances", input.utterances),
    shell:
        r"""
        valence-gap page \
            --folder {params.folder:q} \
            --description {params.description:q} \
            --claims {params.claims:q} \
            --captions {params.captions:q} \
            {params.utterances:q} \
            --output {output:q} \
            2>{log:q}
        """
