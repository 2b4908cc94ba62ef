import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from longtail.config import load
from longtail.config.registry import CONFIG, Registry, merge
from longtail.runtime.errors import InputError

STAGE2 = {"recipe": "MiSLAS-S2", "classifier": {"keep_stage1": True, "weight_rate": 0.0, "scale_rate": 1.0}}
TAU_NORM = {"name": "tau_norm", "tau": None, "bias": False}
SMOOTHING = "label_aware_smoothing"
LDAM = {"recipe": "LDAM"}
CB = {"name": "class_balanced", "beta": 0.9, "mean": "images"}
MCW = {"name": "mcw", "per_class": 10, "batch_size": 100, "rate": 0.01}
MINE = {"label": "Mine", "paper": "mine"}
MAPPINGS = st.recursive(
    st.integers() | st.text(max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: isinstance(value, dict))


def refusal(own: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        load.load(own, [])
    assert "\n" not in str(caught.value)
    return str(caught.value)


def twins(methods: dict[str, dict[str, Any]]) -> set[frozenset[str]]:
    """Pairs of methods that would train one and the same Stage 1 under two names."""
    blocks = {
        name: (method["stage1"], [entry for entry in method["overrides"] if "stage1" in entry])
        for name, method in methods.items()
        if isinstance(method.get("stage1"), dict)
    }
    return {frozenset((a, b)) for a in blocks for b in blocks if a < b and blocks[a] == blocks[b]}


def test_every_shipped_definition_is_loaded(shipped: Registry) -> None:
    for kind in ("datasets", "methods"):
        assert set(getattr(shipped, kind)) == {path.stem for path in (CONFIG / kind).glob("*.yaml")}
    assert set(shipped.recipes) == set(yaml.safe_load((CONFIG / "recipes.yaml").read_text()))
    assert "mislas" in shipped.methods


def test_every_shipped_table_and_figure_is_valid() -> None:
    for kind in ("table", "figure"):
        for path in (CONFIG / f"{kind}s").glob("*"):
            assert load.locate(kind, path.stem) == path
            assert load.definition(kind, path)["title"], path


def test_no_two_shipped_methods_train_the_same_stage1(shipped: Registry) -> None:
    """Such a Stage 1 is to be shared by its name."""
    assert twins(shipped.methods) == set()


def test_two_methods_with_identical_stage1_blocks_are_flagged(shipped: Registry) -> None:
    again = copy.deepcopy(shipped.methods["mixup"]) | {"label": "Again"}

    assert twins({**shipped.methods, "again": again}) == {frozenset({"again", "mixup"})}


def test_labels_of_methods_differ(shipped: Registry) -> None:
    labels = [method["label"] for method in shipped.methods.values()]

    assert len(set(labels)) == len(labels)


def test_an_own_definition_is_laid_upon_the_shipped_one(shipped: Registry) -> None:
    found = load.load({"methods": {"mislas": {"stage2": {"loss": {"form": "linear"}}}}}, [])
    loss = shipped.methods["mislas"]["stage2"]["loss"]

    assert loss["form"] == "concave"
    assert found.methods["mislas"]["stage2"]["loss"] == {**loss, "form": "linear"}
    assert found.methods["ce"] == shipped.methods["ce"]


def test_an_own_method_gets_the_defaults() -> None:
    found = load.load({"methods": {"mine": {**MINE, "stage1": "ce", "stage2": STAGE2}}}, [])

    assert found.methods["mine"]["stage2"]["loss"] == {"name": "cross_entropy"}
    assert found.methods["mine"]["stage2"]["sampler"] == {"name": "class_aware"}
    assert found.methods["mine"]["overrides"] == []


def test_an_extension_lays_its_keys_upon_the_method() -> None:
    stage2 = {"generator": {"m": 3}, "classifier": {"offset_rate": 0.0}}
    found = load.load({"methods": {"mine": {"label": "Mine", "extends": "ladc", "stage2": stage2}}}, []).methods
    expected = copy.deepcopy(found["ladc"])
    expected["label"] = "Mine"
    expected["stage2"]["generator"]["m"] = 3
    expected["stage2"]["classifier"]["offset_rate"] = 0.0
    assert found["mine"] == expected


def test_an_extension_follows_a_persons_changes_of_the_method_and_may_be_extended() -> None:
    own = {
        "ladc": {"stage2": {"generator": {"alpha": 0.2}}},
        "mine": {"label": "Mine", "extends": "ladc_lws"},
    }
    found = load.load({"methods": own}, []).methods
    assert [found[name]["stage2"]["generator"]["alpha"] for name in ("ladc", "ladc_lws", "mine")] == [0.2] * 3
    assert found["mine"]["stage2"]["classifier"]["offset_rate"] == 0.0


@pytest.mark.parametrize("part", ["mixing", "randaugment"])
def test_each_part_of_representation_enhancement_can_be_switched_off(part: str) -> None:
    own = {"mine": {"label": "Mine", "extends": "remix_randaugment", "stage1": {part: None}}}
    found = load.load({"methods": own}, []).methods
    whole, mine = found["remix_randaugment"]["stage1"], found["mine"]["stage1"]

    assert (whole["mixing"]["name"], whole["randaugment"]) == ("remix", {"operations": 2, "magnitude": 9})
    assert mine == whole | {part: None}


def test_the_control_of_representation_enhancement_differs_in_it_alone(shipped: Registry) -> None:
    enhanced, control = (shipped.methods[name]["stage1"] for name in ("remix_randaugment", "ce_ladc"))
    assert control == enhanced | {"mixing": None, "randaugment": None}
    assert control["recipe"] == "LADC-S1"


def test_a_part_of_another_name_replaces_the_whole_part() -> None:
    own = {"mine": {"label": "Mine", "extends": "ladc", "stage2": {"sampler": {"name": "class_balanced"}}}}
    own["mislas"] = {"stage2": {"loss": {"name": "cross_entropy"}}}
    found = load.load({"methods": own | {"mislas": {**own["mislas"], "overrides": []}}}, []).methods
    assert found["mine"]["stage2"]["sampler"] == {"name": "class_balanced"}
    assert found["mislas"]["stage2"]["loss"] == {"name": "cross_entropy"}


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        ({"datasets": {"birds": {"title": "Birds", "kind": "foldr"}}},
         "the configuration, dataset 'birds', key 'kind': unknown kind 'foldr': did you mean 'folder'?"),
        ({"datasets": {"birds": {"title": "Birds", "kind": "folder", "like": "cifar1"}}},
         "dataset 'birds', key 'like': unknown data set 'cifar1': did you mean 'cifar10'?"),
        ({"datasets": {"birds": {"title": "Birds", "kind": "folder", "recipes": {"MiSLAS-S1": "MiSLAS-S3"}}}},
         "dataset 'birds', key 'recipes': unknown recipe 'MiSLAS-S3': did you mean"),
        ({"datasets": {"birds": {"title": "Birds", "kind": "folder", "recipes": {"MiSLAS_S1": "digits-S1"}}}},
         "dataset 'birds', key 'recipes': unknown recipe 'MiSLAS_S1': did you mean 'MiSLAS-S1'?"),
        ({"datasets": {"birds": {"title": "Birds", "kind": "folder", "data_dir": "/birds", "streamed": True}}},
         "dataset 'birds' lacks the key 'preprocessing.center_crop': streamed images may have any size"),
        ({"datasets": {"places_lt": {"preprocessing": {"center_crop": None}}}},
         "dataset 'places_lt' lacks the key 'preprocessing.center_crop'"),
        ({"datasets": {"digits": {"streamed": True, "preprocessing": {"center_crop": 8}}}},
         "dataset 'digits': kind 'digits' has no key 'streamed': did you mean kind 'folder'? Else remove the key"),
        ({"datasets": {"birds": {"title": "Birds", "kind": "folder", "train_list": "x.txt"}}},
         "dataset 'birds': kind 'folder' has no key 'train_list': did you mean kind 'image_list'? Else remove"),
        ({"datasets": {"birds": {"title": "Birds", "kind": "folder", "archive": {}}}},
         "kind 'folder' has no key 'archive': did you mean kind 'cifar' or 'thucnews'? Else remove the key"),
        ({"datasets": {"birds": {"title": "Birds", "needs": "birds", "titles": {}}}},
         "a data set without a kind has no key 'titles': did you mean kind 'made_titles', 'thucnews' or 'titles'?"),
        ({"datasets": {"birds": {"title": "Birds", "kind": "folder", "image_sise": 8}}},
         "dataset 'birds': unknown key 'image_sise': did you mean 'image_size'?"),
        ({"datasets": {"thucnews": {"titles": {"train": ["a.txt"]}}}},
         "dataset 'thucnews': unknown key 'train' in 'titles': (known: length)"),
        ({"datasets": {"cifar10": {"archive": {"urls": 3}}}},
         "dataset 'cifar10': key 'archive.urls' is 3, which is not allowed: mirrors, tried in order"),
        ({"datasets": {"birds": {"title": "Birds", "kind": 3}}}, "dataset 'birds': key 'kind' is 3, which is not"),
        ({"datasets": {"birds": {"title": "Birds", "kind": "folder", "preprocessing": {"mean": [0.5]}}}},
         "dataset 'birds', key 'preprocessing.mean': 1 given, but its images have 3 channel(s): give a"),
        ({"datasets": {"cifar10": {"preprocessing": {"std": [0.2, 0.2, 0.2, 0.2]}}}},
         "dataset 'cifar10', key 'preprocessing.std': 4 given, but its images have 3 channel(s): give"),
        ({"datasets": {"places_lt": {"preprocessing": {"std": [0.2]}}}},
         "dataset 'places_lt', key 'preprocessing.std': 1 given, but its images have 3 channel(s): give"),
        ({"datasets": {"digits": {"preprocessing": {"mean": [0.5, 0.5, 0.5]}}}},
         "dataset 'digits', key 'preprocessing.mean': 3 given, but its images have 1 channel(s): give"),
        ({"datasets": {"cifar10": {"preprocessing": {"mean": [125.3, 0, 0]}}}},
         "key 'preprocessing.mean.0' is 125.3, which is not allowed: a channel's mean of pixels in 0..1; it"),
        ({"datasets": {"cifar10": {"preprocessing": {"std": [0.2, 0.2, 63.0]}}}},
         "dataset 'cifar10': key 'preprocessing.std.2' is 63.0, which is not allowed: a channel's standard dev"),
        ({"datasets": {"my-birds": {"title": "Birds", "kind": "folder"}}},
         "dataset 'my-birds': the name must be letters, digits and _"),
        ({"methods": {"stage1": {**MINE, "stage1": "ce", "stage2": STAGE2}}}, "method 'stage1': the name must be"),
        ({"methods": {"mine": MINE}}, "method 'mine'"),
        ({"methods": {"mine": {**MINE, "stage1": "cee"}}},
         "method 'mine', key 'stage1': unknown method 'cee': did you mean 'ce'?"),
        ({"methods": {"mine": {**MINE, "stage1": "mislas", "stage2": STAGE2}}},
         "method 'mine', key 'stage1': 'mislas' is not a one-stage method that can run"),
        ({"methods": {"mine": {**MINE, "stage1": "oltr", "stage2": STAGE2}}},
         "method 'mine', key 'stage1': 'oltr' is not a one-stage method that can run"),
        ({"methods": {"mine": {**MINE, "stage1": {"recipe": "MiSLAS-S9"}}}},
         "method 'mine', key 'stage1.recipe': unknown recipe 'MiSLAS-S9': did you mean"),
        ({"methods": {"mine": {**MINE, "stage1": {"recipe": "MiSLAS-S1", "loss": {"name": "cross_entrpy"}}}}},
         "method 'mine', key 'stage1.loss.name': unknown loss 'cross_entrpy': did you mean 'cross_entropy'?"),
        ({"methods": {"mine": {**MINE, "stage1": "ce"}}},
         "method 'mine': a method with 'stage2' or 'post_hoc' must name in 'stage1'"),
        ({"methods": {"mine": {**MINE, "stage1": "tau_norm", "stage2": STAGE2}}},
         "method 'mine', key 'stage1': 'tau_norm' is not a one-stage method that can run"),
        ({"methods": {"mine": {**MINE, "stage1": "ce", "stage2": STAGE2, "post_hoc": TAU_NORM}}},
         "method 'mine': a method has a 'stage2' or is 'post_hoc', not both: remove one"),
        ({"methods": {"mine": {**MINE, "stage1": "ce", "post_hoc": {"name": "tau_nrom"}}}},
         "method 'mine', key 'post_hoc.name': unknown post_hoc 'tau_nrom': did you mean 'tau_norm'?"),
        ({"methods": {"tau_norm": {"post_hoc": {"tau": -1}}}},
         "method 'tau_norm', 'post_hoc': key 'tau' is -1, which is not allowed"),
        ({"methods": {"mine": {**MINE, "extends": "ladcc"}}},
         "method 'mine', key 'extends': unknown method 'ladcc': did you mean 'ladc'?"),
        ({"methods": {"mine": {**MINE, "extends": ["ladc"]}}}, "method 'mine', key 'extends': unknown method"),
        ({"methods": {"a": {**MINE, "extends": "b"}, "b": {**MINE, "extends": "a"}}},
         "method 'b', key 'extends': 'a' extends 'b' in turn: let one of them stand by itself"),
        ({"methods": {"mislas": {"calibration": ""}}},
         "method 'mislas': key 'calibration' is '', which is not allowed: how its logits become probabilities"),
        ({"methods": {"ladc": None}}, "method 'ladc' is None: write keys and values there"),
        ({"methods": {"mine": {**MINE, "extends": "oltr"}}},
         "method 'mine', key 'extends': 'oltr' cannot run yet: it needs modulated attention and the"),
        ({"methods": {3: {**MINE, "stage1": "ce", "stage2": STAGE2}}}, "method '3': the name must be letters"),
        ({"methods": {"ladc": {"stage2": {"classifier": {"scale_rate": 0, "offset_rate": 0}}}}},
         "method 'ladc', key 'stage2.classifier': every rate is 0, so nothing learns: raise one of them"),
        ({"methods": {"ladc": {"overrides": [{"dataset": "cifar10", "stage1": {"recipe": "LDAM"}}]}}},
         "key 'overrides.0': the Stage 1 is that of 'remix_randaugment': set its overrides there"),
        ({"methods": {"ladc": {"stage2": {"generator": {"m": 2.0}}}}},
         "method 'ladc', 'stage2.generator': key 'm' is 2.0, which is not allowed"),
        ({"methods": {"ladc": {"stage2": {"generator": {"beta": float("inf")}}}}},
         "method 'ladc', 'stage2.generator': key 'beta' is inf, which is not allowed"),
        ({"methods": {"ladc": {"stage2": {"generator": {"head_size": float("nan")}}}}},
         "method 'ladc', 'stage2.generator': key 'head_size' is nan, which is not allowed"),
        ({"methods": {"ladc": {"stage2": {"sampler": {"tau": 1000}}}}},
         "method 'ladc', 'stage2.sampler': key 'tau' is 1000, which is not allowed"),
        ({"methods": {"mine": {"extends": "ladc"}}}, "method 'mine': the top level lacks 'label': add it"),
        ({"methods": {"mislas": {"stage2": {"loss": {"las_form": "slides"}}}}},
         "method 'mislas', 'stage2.loss': key 'las_form' is 'slides': (known: code, paper)"),
        ({"methods": {"remix": {"stage1": {"mixing": {"reduction": "mean"}}}}},
         "method 'remix', 'stage1.mixing': key 'reduction' is 'mean': did you mean 'batch_mean'?"),
        ({"methods": {"ladc": {"stage2": {"sampler": {"level": "image"}}}}},
         "method 'ladc', 'stage2.sampler': key 'level' is 'image'"),
        ({"methods": {"ladc": {"stage2": {"sampler": {"name": "tempred"}}}}},
         "method 'ladc', key 'stage2.sampler.name': unknown sampler 'tempred': did you mean 'tempered'?"),
        ({"methods": {"ladc": {"stage2": {"generator": {"m": 0}}}}},
         "method 'ladc', 'stage2.generator': key 'm' is 0, which is not allowed"),
        ({"methods": {"ladc": {"stage2": {"generator": {"beta": 0}}}}},
         "method 'ladc', 'stage2.generator': key 'beta' is 0, which is not allowed"),
        ({"methods": {"ladc": {"stage2": {"generator": {"w_rule": "inverted"}}}}},
         "method 'ladc', 'stage2.generator': key 'w_rule' is 'inverted': did you mean 'inverse'?"),
        ({"methods": {"ladc": {"stage2": {"augment": True}}}},
         "method 'ladc', key 'stage2.generator': 'ladc' draws from cached features, which nothing may change: set "
         "augment: false, mixing: null and batch_norm: frozen"),
        ({"methods": {"mine": {**MINE, "stage1": {"recipe": "MiSLAS-S1"}, "stage2": STAGE2}}},
         "method 'mine': a method with 'stage2' or 'post_hoc' must name in 'stage1' the one-stage method"),
        ({"datasets": {"birds": {"title": "Birds"}}}, "dataset 'birds': give the data set a 'kind'"),
        ({"methods": {"mislas": {"stage2": {"loss": {"heda": 0.1}}}}},
         "key 'stage2.loss': unknown setting 'heda': did you mean 'head'?"),
        ({"methods": {"mine": {**MINE, "stage1": "ce", "stage2": {**STAGE2, "loss": {"name": SMOOTHING}}}}},
         "key 'stage2.loss' lacks 'head', a setting of label_aware_smoothing: add it"),
        ({"methods": {"mislas": {"stage2": {"batchnorm": "frozen"}}}},
         "method 'mislas': unknown key 'batchnorm' in 'stage2': did you mean 'batch_norm'?"),
        ({"methods": {"mislas": {"overrides": [{"dataset": "cifar11"}]}}},
         "method 'mislas', key 'overrides.0': unknown data set 'cifar11': did you mean 'cifar10'?"),
        ({"methods": {"mislas": {"overrides": [{"dataset": "cifar10", "factors": [0]}]}}},
         "method 'mislas', key 'overrides.0': factor 0 is not allowed: write 100 or 0.01"),
        ({"methods": {"mislas": {"overrides": [{"dataset": "cifar10", "stage2": {"mixng": 1}}]}}},
         "method 'mislas', key 'overrides.0': unknown key 'mixng' in 'stage2': did you mean 'mixing'?"),
        ({"methods": {"mislas": {"overrides": [{"dataset": "cifar10", "stage2": {"recipe": "MiSLAS-S9"}}]}}},
         "method 'mislas', key 'overrides.0', key 'stage2.recipe': unknown recipe 'MiSLAS-S9'"),
        ({"methods": {"ce": {"stage1": {"randaugment": {"operations": 2, "magnitude": 40}}}}},
         "method 'ce': key 'stage1.randaugment.magnitude' is 40, which is not allowed: strength of the "
         "operations, one of 31 levels; it must be at most 30"),
        ({"methods": {"mine": {**MINE, "stage1": {**LDAM, "head": {"name": "cosin"}}}}},
         "method 'mine', key 'stage1.head.name': unknown head 'cosin': did you mean 'cosine'?"),
        ({"methods": {"mine": {**MINE, "stage1": {**LDAM, "head": {"name": "cosine"}}}}},
         "method 'mine', key 'stage1.head' lacks 'scale', a setting of cosine: add it"),
        ({"methods": {"mine": {**MINE, "stage1": "base", "stage2": STAGE2},
                      "base": {**MINE, "label": "Base", "stage1": {**LDAM, "head": {"name": "liner"}}}}},
         "method 'base', key 'stage1.head.name': unknown head 'liner': did you mean 'linear'?"),
        ({"methods": {"mine": {**MINE, "stage1": {**LDAM, "weighting": {"name": "class_balancd"}}}}},
         "method 'mine', key 'stage1.weighting.name': unknown weighting 'class_balancd': did you mean"),
        ({"methods": {"ce_drw": {"stage1": {"deferred": {"weighting": {"name": "effective"}}}}}},
         "method 'ce_drw', key 'stage1.deferred.weighting.name': unknown weighting 'effective'"),
        ({"methods": {"ce_drw": {"stage1": {"deferred": {"weighting": {"beta": 1.0}}}}}},
         "method 'ce_drw', 'stage1.deferred.weighting': key 'beta' is 1.0, which is not allowed"),
        ({"methods": {"mine": {**MINE, "stage1": {**LDAM, "algorithm": {"name": "smot"}}}}},
         "method 'mine', key 'stage1.algorithm.name': unknown algorithm 'smot': did you mean 'smote'?"),
        ({"methods": {"bbn": {"stage1": {"algorithm": {"sampler": {"name": "revers"}}}}}},
         "method 'bbn', key 'stage1.algorithm.sampler.name': unknown sampler 'revers': did you mean 'reverse'?"),
        ({"methods": {"mcw_ldam": {"stage1": {"algorithm": {"per_class": 0}}}}},
         "method 'mcw_ldam', 'stage1.algorithm': key 'per_class' is 0, which is not allowed"),
        *(({"methods": {method: {"stage1": {key: block}}}},
           f"method '{method}', key 'stage1.{key}': has no meaning under algorithm '{algorithm}': remove it")
          for method, algorithm, key, block in (
              ("bbn", "bbn", "mixing", {"name": "mixup", "alpha": 1.0}),
              ("bbn", "bbn", "weighting", CB),
              ("mcw_ldam", "mcw", "mixing", {"name": "mixup", "alpha": 1.0}))),
        ({"methods": {"mine": {"label": "Mine", "extends": "bbn",
                               "stage1": {"deferred": {"weighting": CB}, "recipe": "LDAM"}}}},
         "method 'mine', key 'stage1.deferred': has no meaning under algorithm 'bbn': remove it"),
        ({"methods": {"ce_drw": {"stage1": {"recipe": "MiSLAS-S1"}}}},
         "method 'ce_drw': recipe 'MiSLAS-S1' lacks 'defer', the number of epochs after which the "),
        ({"methods": {"mine": {**MINE, "stage1": {"recipe": "BoT", "algorithm": MCW}}}},
         "method 'mine': recipe 'BoT' lacks 'defer'"),
        ({"methods": {"ce_drw": {"overrides": [{"dataset": "digits", "stage1": {"recipe": "BoT"}}]}}},
         "method 'ce_drw', key 'overrides.0': recipe 'BoT' lacks 'defer'"),
        ({"methods": {"ldam": {"stage1": {"head": {"scale": 20.0}}}}},
         "method 'ldam', key 'stage1.loss.scale' is 30.0 and 'head.scale' is 20.0: ldam requires equal values"),
        ({"methods": {"ldam": {"stage1": {"head": {"name": "linear"}}}}},
         "method 'ldam', key 'stage1.loss.scale' is 30.0 and 'head.scale' is None: ldam requires equal values"),
        ({"methods": {"ldam": {"overrides": [{"dataset": "cifar10", "stage1": {"loss": {"scale": 16.0}}}]}}},
         "method 'ldam', key 'overrides.0', key 'stage1.loss.scale' is 16.0 and 'head.scale' is 30.0"),
        ({"methods": {"mine": {**MINE, "stage1": "ce", "stage2": {
            **STAGE2, "loss": {"name": "ldam", "max_margin": 0.5, "scale": 30.0}}}}},
         "method 'mine', key 'stage2.loss.scale' is 30.0 and 'head.scale' is None: ldam requires equal values"),
        ({"methods": {"mine": {**MINE, "stage1": "tde", "post_hoc": TAU_NORM}}},
         "method 'mine', key 'stage1': 'tde' has the head 'causal_norm', but a method on a finished "
         "network requires a linear one: name another method"),
        ({"methods": {"mine": {**MINE, "stage1": "ldam_drw", "stage2": STAGE2}}},
         "method 'mine', key 'stage1': 'ldam_drw' has the head 'cosine'"),
        ({"methods": {"bbn": {"stage1": {"backbones": {"resnet32": "bbn_resnet33"}}}}},
         "method 'bbn', key 'stage1.backbones': unknown backbone 'bbn_resnet33': did you mean 'bbn_resnet32'?"),
        ({"methods": {"mine": {**MINE, "stage1": {**LDAM, "deferred": {}}}}},
         "method 'mine': key 'stage1.deferred' is {}, which is not allowed: parts that replace"),
        ({"methods": {"mine": {**MINE, "stage1": {**LDAM, "deferred": {"weighting": None}}}}},
         "method 'mine', key 'stage1.deferred': is what training begins with, so nothing changes: replace or"),
        ({"methods": {"mine": {**MINE, "stage1": {**LDAM, "weighting": CB, "deferred": {"weighting": CB}}}}},
         "method 'mine', key 'stage1.deferred': is what training begins with"),
        ({"methods": {"ce_drs": {"stage1": {"sampler": {"name": "class_balanced"}}}}},
         "method 'ce_drs', key 'stage1.deferred': is what training begins with"),
        ({"recipes": {"LDAM": {"schedule": {"kind": "cosine"}}}},
         "recipe 'LDAM', key 'schedule': cosine has neither: set warmup: 0 and milestones: []"),
        ({"recipes": {"LDAM": {"schedule": {"kind": "cosine", "warmup": 0}}}},
         "recipe 'LDAM', key 'schedule': cosine has neither"),
        ({"recipes": {"LDAM": {"schedule": {"ends_at_zero": True}}}},
         "recipe 'LDAM', key 'schedule.ends_at_zero': only a cosine has it: remove it"),
        ({"recipes": {"BBN-big-inaturalist": {"epochs": 201}}},
         "recipe 'BBN-big-inaturalist', key 'horizon': 200 is less than the 201 epochs"),
        ({"recipes": {"BBN": {"preprocessing": {"flip": False}}}},
         "recipe 'BBN': unknown key 'flip' in 'preprocessing'"),
        ({"recipes": {"LDAM": {"schedule": {"warmup": 170}}}},
         "recipe 'LDAM', key 'schedule.milestones': 160 lies within the warm-up of 170 epochs, where the rate rises"),
        ({"recipes": {"BBN": {"momentum": 0}}}, "recipe 'BBN', key 'nesterov': only SGD with momentum has it"),
        ({"recipes": {"TextCNN": {"nesterov": True}}}, "recipe 'TextCNN', key 'nesterov': only SGD with momentum"),
        ({"recipes": {"TextCNN": {"early_stopping": {"every": 100, "patience": 99}}}},
         "recipe 'TextCNN', key 'early_stopping.patience': 99 steps are shorter than the time between two "
         "validations (100 steps): raise it to at least 100"),
        ({"recipes": {"digits-S1": {"epoch": 2}}},
         "recipe 'digits-S1': unknown key 'epoch': did you mean 'epochs'?"),
        ({"recipes": {"mine": {"epochs": 2}}}, "recipe 'mine': the top level lacks 'batch_size': add it"),
    ],
)  # fmt: skip
def test_an_error_names_place_and_remedy(own: dict[str, Any], sentence: str) -> None:
    assert sentence in refusal(own)


@pytest.mark.parametrize(
    "recipe",
    [
        {"epochs": 1},  # all milestones after the end, and a warm-up that is longer
        {"epochs": 170, "defer": 170},  # refused for what defers something, and only where that is wanted
        {"schedule": {"milestones": [180, 160, 160]}},
        {"schedule": {"warmup": 160}},
        {"schedule": {"kind": "cosine", "warmup": 0, "milestones": []}},
        {"evaluate": {"every": 500, "each_from": 500}},
        {"early_stopping": {"every": 100_000, "patience": 100_000}},
    ],
)
def test_a_recipe_whose_end_comes_early_is_a_recipe(recipe: dict[str, Any]) -> None:
    assert load.load({"recipes": {"LDAM": recipe}}, []).recipes["LDAM"]["batch_size"] == 128


def test_a_linear_head_that_is_not_the_plain_one_can_be_stood_on() -> None:
    own = {"mine": {**MINE, "stage1": "focal", "stage2": STAGE2}}
    assert load.load({"methods": own}, []).methods["mine"]["stage1"] == "focal"


def test_the_file_at_fault_is_named(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text("methods: {ce: {stage1: {recipe: MiSLAS-S9}}}\n")
    second.write_text("seeds: {runs: [0]}\n")
    own = {**yaml.safe_load(first.read_text()), **yaml.safe_load(second.read_text())}

    with pytest.raises(InputError, match=r"^\S*first\.yaml, method 'ce', key 'stage1\.recipe'"):
        load.load(own, [first, second])


def test_a_persons_own_file_is_blamed_before_the_default(tmp_path: Path) -> None:
    """Both hold the key; which of them Snakemake lists first does not matter."""
    mine, default = tmp_path / "mine.yaml", CONFIG / "config.yaml"
    mine.write_text("compute: {threads: 0}\n")

    for files in ([mine, default], [default, mine]):
        with pytest.raises(InputError, match=r"^\S*mine\.yaml: key 'compute\.threads' is 0"):
            load.load(yaml.safe_load(mine.read_text()), files)


def test_a_key_of_no_file_is_blamed_on_none(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("seeds: {runs: [0]}\n")

    with pytest.raises(InputError, match=r"^the configuration: unknown key 'tabels'"):
        load.load({"tabels": 1}, [mine])


@pytest.mark.parametrize("kind", ["table", "figure"])
def test_an_error_for_an_unknown_table_or_figure_names_the_closest(kind: str) -> None:
    known = sorted(path.stem for path in (CONFIG / f"{kind}s").glob("*.yaml"))[-1]

    with pytest.raises(InputError, match=rf"key '{kind}s': there is no {kind} '{known}x': did you mean '{known}'\?"):
        load.locate(kind, f"{known}x")


def test_a_table_may_be_a_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text((CONFIG / "tables" / "digits.yaml").read_text())

    assert load.locate("table", str(path)) == path
    assert load.definition("table", path) == load.definition("table", CONFIG / "tables" / "digits.yaml")


def test_merge_lays_mapping_upon_mapping_and_replaces_the_rest() -> None:
    base = {"loss": {"head": 0.3, "tail": 0.0}, "factors": [1, 2], "recipe": "a"}

    merged = merge(base, {"loss": {"head": 0.4}, "factors": [3], "recipe": {"x": 1}})

    assert merged == {"loss": {"head": 0.4, "tail": 0.0}, "factors": [3], "recipe": {"x": 1}}


@given(MAPPINGS, MAPPINGS)
def test_merge_is_idempotent_and_changes_no_argument(base: dict[str, Any], over: dict[str, Any]) -> None:
    kept = copy.deepcopy((base, over))

    merged = merge(base, over)

    assert merge(merged, over) == merged
    assert merge(base, {}) == base
    assert merge({}, over) == over
    assert (base, over) == kept
