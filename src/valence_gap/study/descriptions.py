"""What the code that makes a figure or table receives from the study: names, labels and colours, in order."""

from typing import Any

from pydantic import TypeAdapter

from valence_gap.definitions.evaluation import Evaluation, Projection
from valence_gap.study.study import Study

PROJECTED = "figure_10"


def figure_description(study: Study, figure: str) -> dict[str, Any]:
    """The description that the code of a figure receives."""
    shown = study.figure_config(figure)
    projection = TypeAdapter(Projection).dump_python(study.configuration.projection, mode="json")
    return {
        "models": [_model(study, name) for name in shown.models],
        "corpora": [_corpus(study, name) for name in shown.corpora],
        "transcribed": [_corpus(study, name) for name in shown.transcribed],
        "note": study.configuration.note,
        "published": shown.published,
        "evaluation": TypeAdapter(Evaluation).dump_python(study.configuration.evaluation, mode="json"),
        **({"projection": projection} if projection and figure == PROJECTED else {}),
    }


def table_description(study: Study, table: str) -> dict[str, Any]:
    """The description that the code of a table receives; empty for Table I, which shows nothing of the study."""
    if table == "table_2":
        fields = ("label", "datasets", "hours", "languages", "domains")
        backbones = {
            name: study.configuration.backbones[name] for name in study.backbones_of(study.figure_config(table).models)
        }
        return {
            "models": [
                {"folder": study.pretrained_folder(name), **{field: getattr(backbone, field) for field in fields}}
                for name, backbone in backbones.items()
            ],
            "note": study.configuration.note,
        }
    if table == "table_3":
        return {
            **figure_description(study, table),
            "conditions": [_condition(study, name) for name in study.configuration.augmented],
        }
    return {}


def _model(study: Study, name: str) -> dict[str, Any]:
    if name in study.configuration.fusions:
        fusion = study.configuration.fusions[name]
        return {"name": name, "label": fusion.label, "colour": fusion.colour, "kind": "fusion", "audio": fusion.audio}
    model = study.models[name]
    return {
        "name": name,
        "label": model.label,
        "colour": model.colour,
        "kind": study.kind_of(name),
        "backbone": model.backbone or "",
        "frozen": model.frozen,
        "layers": model.layers,
        "fraction": model.fraction,
    }


def _corpus(study: Study, name: str) -> dict[str, Any]:
    corpus = study.configuration.corpora[name]
    made = {"miniature": True} if study.is_miniature(name) else {}
    return {"name": name, "label": corpus.label, "dimensions": list(corpus.dimensions), **made}


def _condition(study: Study, name: str) -> dict[str, Any]:
    condition = study.configuration.conditions[name]
    given = {field: getattr(condition, field) for field in ("label", "kind", "noise_class", "snr_db")}
    return {"name": name, **{field: value for field, value in given.items() if value is not None}}
