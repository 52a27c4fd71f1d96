from valence_gap.best_model import MAIN, candidates, training_data


def exported_files(*names):
    """Files of all models that the exported one is chosen from: results/.../models/w2v2-b/seed-42/config.json, ..."""
    return [
        f"{R}/models/{model}/seed-{seed}/{name}"
        for model, seed in candidates(study)
        for name in names
        if name != "training.csv" or study.is_trained(model)
    ]


def exported_scores():
    """Their scores, by model: {'w2v2-b:42=results/.../scores/w2v2-b/seed-42/iemocap/clean.csv': 'results/...'}."""
    paths = [
        (
            f"{model}:{seed}",
            f"{R}/scores/{model}/seed-{seed}/{corpus}/clean.csv",
        )
        for model, seed in candidates(study)
        for corpus in study.shown(MAIN).corpora
    ]
    return {f"{key}={path}": path for key, path in paths}


def exported_backbones():
    """Their backbones: {'w2v2-b=resources/pretrained/w2v2-b': 'resources/pretrained/w2v2-b/run.json'}; none of a
    checkpoint."""
    folders = {
        model: f"resources/pretrained/{study.backbone_of(model)}"
        for model, _ in candidates(study)
        if study.is_trained(model)
    }
    return {f"{model}={path}": f"{path}/run.json" for model, path in folders.items()}


rule export:
    """The best model, by mean CCC on the development set, in the released layout, with its card; as ONNX if possible."""
    input:
        models=exported_files(
            "model.safetensors", "config.json", "run.json", "training.csv"
        ),
        scores=exported_scores().values(),
        backbones=exported_backbones().values(),
        report=f"{R}/corpora/{TRAIN}/report.json" if TRAIN else [],
    output:
        multiext(
            f"{R}/export/",
            "model.safetensors",
            "config.json",
            "preprocessor_config.json",
            "README.md",
            "run.json",
        ),
    log:
        f"{R}/logs/export.log",
    benchmark:
        f"{R}/benchmarks/export.tsv"
    conda:
        "../../envs/valence-gap.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        candidates=[
            f"{model}:{seed}={R}/models/{model}/seed-{seed}"
            for model, seed in candidates(study)
        ],
        scores=[*exported_scores()],
        backbones=[*exported_backbones()],
        study=study.configuration.study,
        corpus=training_data(study),
        report=lambda wildcards, input: flags(
            "--report", input.report and [input.report]
        ),
        licence=flags("--licence", filter(None, [study.configuration.export.licence])),
        folder=subpath(output[0], parent=True),
        revision=REVISIONS["export"],
    shell:
        r"""
        valence-gap export-best \
            --candidate {params.candidates:q} \
            --scores {params.scores:q} \
            --backbone {params.backbones:q} \
            --study {params.study:q} \
            --trained-on {params.corpus:q} \
            {params.report:q} \
            {params.licence:q} \
            --output {params.folder:q} \
            2>{log:q}
        """
