# What figures, tables, claims and the export are made from.

# Predictions by target, (model, seed, corpus, set of conditions), for the page.
PREDICTED = {}
# Score tables by target: what `scores_of` gave to the rules of figures and tables, for the summary of the scores.
SCORE_TABLES = {}


def runs_of(target):
    """(model, seed, corpus) of every result that a figure or table shows: ('w2v2-b', 42, 'iemocap'), ..."""
    return [
        (model, seed, corpus)
        for model, seed in study.runs(target)
        for corpus in study.figure_config(target).corpora
    ]


def scores_of(target, *conditions):
    """Score tables that a target is drawn from: results/.../scores/w2v2-b/seed-42/iemocap/clean.csv, ..."""
    PREDICTED[target] = [(*run, name) for run in runs_of(target) for name in conditions]
    SCORE_TABLES[target] = [
        f"{RESULTS}/scores/{model}/seed-{seed}/{corpus}/{name}.csv"
        for model, seed, corpus in runs_of(target)
        for name in conditions
    ]
    return SCORE_TABLES[target]


def scores_of_targets(wildcards=None):
    """Score tables that the study's targets are drawn from, each once."""
    tables = [path for target in study.targets for path in SCORE_TABLES.get(target, ())]
    return list(dict.fromkeys(tables))


def predictions_of(target, *sets, suffix="parquet"):
    """Predictions that a target is drawn from, by run: {'w2v2-b:42:iemocap=results/...': 'results/...'}."""
    PREDICTED[target] = [(*run, name) for run in runs_of(target) for name in sets]
    found = [
        (
            f"{model}:{seed}:{corpus}",
            f"{RESULTS}/predictions/{model}/seed-{seed}/{corpus}/{name}.{suffix}",
        )
        for model, seed, corpus in runs_of(target)
        for name in sets
    ]
    return {f"{key}={path}": path for key, path in found}


def predicted_by_targets():
    """(model, seed, corpus, set) of all predictions that the targets need: ('w2v2-b', 42, 'iemocap', 'clean'), ..."""
    claimed = study.claims_runs() if "claims" in study.targets else []
    found = [run for target in study.targets for run in PREDICTED.get(target, ())]
    found += [(model, seed, corpus, name) for model, seed, name, corpus in claimed]
    return list(dict.fromkeys(found))


def tables_of(target, table):
    """Tables of a target's corpora: {'iemocap=results/.../labels.test.parquet': 'results/...'}."""
    paths = {
        corpus: f"{RESULTS}/corpora/{corpus}/{table}.test.parquet"
        for corpus in study.figure_config(target).corpora
    }
    return {f"{corpus}={path}": path for corpus, path in paths.items()}


def logs_of(target):
    """Training logs of a target's models: {'w2v2-b:42=results/.../training.csv': 'results/.../training.csv'}."""
    paths = {
        f"{model}:{seed}": f"{RESULTS}/models/{model}/seed-{seed}/training.csv"
        for model, seed in study.runs(target)
    }
    return {f"{run}={path}": path for run, path in paths.items()}


def whole_configs_of(target):
    """Configurations of a target's models with all layers: {'w2v2-L=results/.../config.json': 'results/...'}."""
    paths = {
        model: f"{RESULTS}/models/{model}/seed-{seed}/config.json"
        for model, seed in study.runs(target)
        if study.models[study.audio_model(model)].layers is None
    }
    return {f"{model}={path}": path for model, path in paths.items()}


def transcriptions_of(target):
    """Reports of the transcripts that a target shows: {'iemocap=results/.../report.json': 'results/...'}."""
    paths = {
        corpus: f"{RESULTS}/text/{corpus}/test/report.json"
        for corpus in study.transcribed(target)
    }
    return {f"{corpus}={path}": path for corpus, path in paths.items()}


def claims_predictions():
    """Predictions that the claims are evaluated on, by run: {'w2v2-b:42:iemocap=results/...': 'results/...'}."""
    paths = [
        (
            f"{model}:{seed}:{corpus}",
            f"{RESULTS}/predictions/{model}/seed-{seed}/{corpus}/{name}.parquet",
        )
        for model, seed, name, corpus in study.claims_runs()
    ]
    return {f"{key}={path}": path for key, path in paths}


def claims_corpora():
    """The corpora that the claims are evaluated on: ['msp-podcast', 'iemocap', 'cmu-mosi']."""
    return list(dict.fromkeys(corpus for *_, corpus in study.claims_runs()))


def claims_tables(table):
    """Tables of the claims' corpora: {'iemocap=results/.../labels.test.parquet': 'results/...'}."""
    paths = {
        corpus: f"{RESULTS}/corpora/{corpus}/{table}.test.parquet"
        for corpus in claims_corpora()
    }
    return {f"{corpus}={path}": path for corpus, path in paths.items()}


def claims_logs():
    """Training logs that the claims are evaluated on: {'w2v2-b:42=results/.../training.csv': 'results/...'}."""
    paths = {
        f"{model}:{seed}": f"{RESULTS}/models/{model}/seed-{seed}/training.csv"
        for model, seed in study.claims_logs()
    }
    return {f"{run}={path}": path for run, path in paths.items()}


def convergence_files(name, *targets):
    """A file of each training whose convergence is checked: results/.../w2v2-b/seed-42/training.csv, ..."""
    return [
        f"{RESULTS}/models/{model}/seed-{seed}/{name}"
        for model, seed in convergence_runs(study, targets)
    ]


def convergence_logs(*targets):
    """Their training logs, by run: ['w2v2-b:42=results/.../training.csv', ...]."""
    return [
        f"{model}:{seed}={RESULTS}/models/{model}/seed-{seed}/training.csv"
        for model, seed in convergence_runs(study, targets)
    ]


def pack_indexes(corpora):
    """Indices of clean test sets whose bad audio is skipped: {'iemocap=results/.../index.parquet': 'results/...'}."""
    paths = {
        corpus: pack_files(corpus, "test")[1]
        for corpus in dict.fromkeys(corpora)
        if study.corpus(corpus).on_bad_audio == "skip"
    }
    return {f"{corpus}={path}": path for corpus, path in paths.items()}


def pack_indexes_of(target):
    """The same for a target's corpora; see `pack_indexes`."""
    return pack_indexes(study.figure_config(target).corpora)


def subset_options(corpora):
    """The option that names corpora of which a subset is augmented: ['--augmented-utterances', 'iemocap=250'], or []."""
    drawn = study.augmented_utterances
    named = [f"{corpus}={drawn[corpus]}" for corpus in corpora if corpus in drawn]
    return ["--augmented-utterances", *named] if named else []


def figure_source_files(figure):
    """Source files that draw a figure, so that an edit draws it again: src/valence_gap/figures/figure_02.py, ..."""
    files = [
        f"{SOURCES}/{path}" for path in source_dependencies([f"figures/{figure}.py"])
    ]
    return checked_input(figure, files)


def table_source_files(table):
    """Source files that make a table: src/valence_gap/tables/table_1.py and what it imports."""
    files = [
        f"{SOURCES}/{path}" for path in source_dependencies([f"tables/{table}.py"])
    ]
    return checked_input(table, files)


def page_source_files():
    """Source files and templates of the page: src/valence_gap/page/make.py, ..."""
    files = source_dependencies(["page/make.py", "page/templates/*"])
    return [f"{SOURCES}/{path}" for path in files]


def reference_files(*tables):
    """Published numbers: src/valence_gap/reference/figure_2.csv."""
    return [f"{SOURCES}/reference/{table}.csv" for table in tables]


def exported_files(*names):
    """Files of all models that the exported one is chosen from: results/.../models/w2v2-b/seed-42/config.json, ..."""
    return [
        f"{RESULTS}/models/{model}/seed-{seed}/{name}"
        for model, seed in candidates(study)
        for name in names
        if name != "training.csv" or study.is_trained(model)
    ]


def exported_scores():
    """Their scores, by model: {'w2v2-b:42=results/.../scores/w2v2-b/seed-42/iemocap/clean.csv': 'results/...'}."""
    paths = [
        (
            f"{model}:{seed}",
            f"{RESULTS}/scores/{model}/seed-{seed}/{corpus}/clean.csv",
        )
        for model, seed in candidates(study)
        for corpus in study.figure_config(MAIN).corpora
    ]
    return {f"{key}={path}": path for key, path in paths}


def exported_backbones():
    """Their backbones: {'w2v2-b=results/.../pretrained/w2v2-b': 'results/.../pretrained/w2v2-b/run.json'}."""
    folders = {
        model: study.pretrained_folder(study.backbone_of(model))
        for model, _ in candidates(study)
        if study.is_trained(model)
    }
    return {f"{model}={path}": f"{path}/run.json" for model, path in folders.items()}


def corpora_of_targets():
    """Corpora that the study trains on, shows or transcribes: ['msp-podcast', 'iemocap', 'cmu-mosi']."""
    shown = [name for target in study.targets for name in study.transcribed(target)]
    claimed = (
        [corpus for *_, corpus in study.claims_runs()]
        if "claims" in study.targets
        else []
    )
    return list(dict.fromkeys(filter(None, [TRAIN_CORPUS, *shown, *claimed])))


def target_file(target):
    """A file of a target: results/miniature/figures/figure_02.pdf, or results/miniature/claims.csv."""
    if target in ("claims", "convergence"):
        return f"{RESULTS}/{target}.csv"
    return (
        f"{RESULTS}/figures/{target}.pdf"
        if target.startswith("figure")
        else f"{RESULTS}/tables/{target}.csv"
    )
