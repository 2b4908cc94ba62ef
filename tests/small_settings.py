"""Settings of small trainings, which tests change where they differ."""

from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from longtail.config.registry import merge
from longtail.settings.compute import Compute, Seeds
from longtail.settings.parsing import Settings
from longtail.settings.part import Part
from longtail.settings.preprocessing import Preprocessing
from longtail.settings.recipe import Evaluation, Recipe, Schedule
from longtail.settings.stage1 import Stage1
from longtail.settings.stage2 import Classifier, Stage2

Kind = TypeVar("Kind", bound=Settings)

COMPUTE = Compute(
    device="cpu", precision="float32", threads=1, micro_batches=1, processes=1, capture=True, deterministic=False
)
PREPROCESSING = Preprocessing(
    crop_padding=1,
    random_resized_crop=None,
    resize=None,
    center_crop=None,
    flip=True,
    color_jitter=None,
    mean=(0.305,),
    std=(0.376,),
)
RECIPE = Recipe(
    name="small",
    epochs=3,
    batch_size=32,
    batches="ceil",
    learning_rate=0.05,
    momentum=0.9,
    nesterov=False,
    weight_decay=5.0e-4,
    schedule=Schedule("step", warmup=2, warmup_from=0, milestones=(), factor=0.1),
    evaluate=Evaluation(every=1, each_from=1),
)
STAGE1 = Stage1(
    backbone="resnet32",
    recipe=RECIPE,
    loss=Part("cross_entropy"),
    head=Part("linear"),
    mixing=Part("mixup", {"alpha": 1.0}),
    randaugment=None,
    sampler=Part("instance_balanced"),
    weighting=None,
    deferred=None,
    algorithm=Part("standard"),
    preprocessing=PREPROCESSING,
    compute=COMPUTE,
    seeds=Seeds(initialisation=0, order=0),
)


def changed(settings: Kind, **changes: Any) -> Kind:
    """A copy with changes; blocks may be mappings as in YAML, laid upon what is there."""
    given = {key: plain(value) for key, value in changes.items()}
    return type(settings).parse(merge(plain(settings), given))


def plain(value: Any) -> Any:
    """Settings as the mapping that they are parsed from, but for what is absent, which is None."""
    if isinstance(value, Part):
        return {"name": value.name, **value.settings}
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return list(value) if isinstance(value, tuple) else value


STAGE2 = Stage2(
    backbone="resnet32",
    recipe=changed(RECIPE, epochs=2, batches="ceil_plus_one", schedule={"kind": "cosine"}),
    classifier=Classifier(keep_stage1=True, weight_rate=0.5, scale_rate=1.0, offset_rate=0.0),
    loss=Part("label_aware_smoothing", {"head": 0.3, "tail": 0.0, "form": "concave", "las_form": "code"}),
    mixing=None,
    sampler=Part("class_aware"),
    generator=Part("real"),
    batch_norm="frozen",
    augment=True,
    preprocessing=PREPROCESSING,
    compute=COMPUTE,
    seeds=Seeds(initialisation=0, order=0),
)
