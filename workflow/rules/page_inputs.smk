# What the page of a study is made from.


def page_run():
    """The model that the page shows by utterance, and the first of its seeds: [('w2v2-L-robust', 42)], or nothing."""
    runs = predicted_by_targets()
    clean = [(model, seed) for model, seed, _, name in runs if name == "clean"]
    model = page_model(study, list(dict.fromkeys(model for model, _ in clean)))
    return [
        (model, min(seed for name, seed in clean if name == shown))
        for shown in filter(None, [model])
    ]


def page_sets(what):
    """(corpus, set of conditions) that the page shows by utterance, or plays: [('msp-podcast', 'augmented'), ...]."""
    shown = page_run()
    found = [run[2:] for run in predicted_by_targets() if run[:2] in shown]
    clean = [corpus for corpus, name in found if name == "clean"]
    return [
        (corpus, name)
        for corpus, name in dict.fromkeys(found)
        if corpus in clean
        and may_show(study, corpus, "utterances")
        and may_show(study, corpus, what)
    ]


def page_predictions(wildcards=None):
    """Their predictions by corpus: {'iemocap=results/.../clean.parquet': 'results/...'}."""
    paths = [
        (
            corpus,
            f"{RESULTS}/predictions/{model}/seed-{seed}/{corpus}/{name}.parquet",
        )
        for model, seed in page_run()
        for corpus, name in page_sets("utterances")
    ]
    return {f"{corpus}={path}": path for corpus, path in paths}


def page_tables(table):
    """Tables of these corpora: {'iemocap=results/.../labels.test.parquet': 'results/...'}."""
    paths = {
        corpus: f"{RESULTS}/corpora/{corpus}/{table}.test.parquet"
        for corpus, _ in page_sets("utterances")
    }
    return {f"{corpus}={path}": path for corpus, path in paths.items()}


def page_packs():
    """Packs to listen to: {'iemocap/human-0db=results/.../human-0db/test': 'results/.../audio.npy', ...}."""
    paths = {
        f"{corpus}/{condition}": pack_files(corpus, "test", condition)[0]
        for corpus, name in page_sets("audio")
        for condition in (
            study.configuration.augmented if name == "augmented" else [name]
        )
    }
    return {f"{key}={parent(path)}": path for key, path in paths.items()}


def page_inputs(wildcards):
    """What the page shows: figures, tables, the JSON of other targets (claims.json), and the scores."""
    figures = [name for name in study.targets if name.startswith("figure")]
    tables = [name for name in study.targets if name.startswith("table")]
    return [
        *(
            f"{RESULTS}/figures/{name}.{end}"
            for name in figures
            for end in ("png", "csv")
        ),
        *(f"{RESULTS}/tables/{name}.{end}" for name in tables for end in ("md", "csv")),
        *(
            f"{RESULTS}/{name}.json"
            for name in study.targets
            if name not in [*figures, *tables]
        ),
        *(rules.summarise_scores.output if scores_of_targets() else []),
    ]


def page_utterances_file(wildcards):
    """The utterances of the page: results/miniature/page/utterances.json, or nothing."""
    return [f"{RESULTS}/page/utterances.json"] if page_predictions() else []
