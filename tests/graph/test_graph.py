import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from tests import elsewhere

from longtail import results
from longtail.config.registry import CONFIG, merge
from longtail.graph import parameters
from longtail.graph.graph import Graph
from longtail.runtime import fingerprint
from longtail.runtime.errors import InputError
from longtail.stage1 import imported

FACTORS = ("if10", "if200")
ON_CIFAR100 = {"dataset": "cifar100", "imbalance": "if100", "backbone": "resnet32", "seed": "0"}
CRT = {"recipe": "MiSLAS-S2", "classifier": {"keep_stage1": False, "weight_rate": 1.0, "scale_rate": 0.0}}
OF_MISLAS = {"dataset": "cifar10", "imbalance": "if100", "backbone": "resnet32", "seed": "0"}


def graph(**own: Any) -> Graph:
    return Graph.of(merge(yaml.safe_load((CONFIG / "config.yaml").read_text()), own), [CONFIG / "config.yaml"])


def wildcards(**values: str) -> SimpleNamespace:
    return SimpleNamespace(**values)


@pytest.fixture(scope="module")
def cifar_table() -> Graph:
    return graph(tables=["mislas_cifar"], figures=[])


def test_targets_of_the_cifar_table(cifar_table: Graph) -> None:
    # 6 settings x {ce, mixup, LDAM+DRW, BBN, Remix+DRW} x 3 seeds; the 3 methods with a Stage 2 in 6 settings x 3
    # seeds; scores of all 8.
    assert len(cifar_table.targets.stage1()) == 6 * 5 * 3
    assert len(cifar_table.targets.stage2()) == 6 * 3 * 3
    assert len(cifar_table.inputs.metrics(cifar_table.plan.runs)) == 6 * 8 * 3
    # 6 subsets, and SVG and PNG of the class counts of the 2 data sets.
    assert len(cifar_table.targets.datasets()) == 6 + 2 * 2
    # SVG and PNG of: class counts of 2 data sets, curves, smoothing and reliability of 6 settings.
    assert len(cifar_table.targets.figures()) == 2 * (2 + 6 + 6 + 6)
    assert len(cifar_table.targets.tables()) == 4


def test_the_names_of_imported_runs_are_a_pattern_that_no_other_fits(tmp_path: Path) -> None:
    folder = "cifar10/if1.5/resnet32/ce/seed0"
    table = {"title": "x", "columns": [{"dataset": "cifar10", "factor": 1.5, "backbone": "resnet32"}]}
    (tmp_path / "x.yaml").write_text(yaml.safe_dump({**table, "rows": [{"method": "ce"}]}))
    own = {"tables": [str(tmp_path / "x.yaml")], "figures": []}
    w = wildcards(dataset="cifar10", imbalance="if1.5", backbone="resnet32", stage1="ce", seed="0")
    built = graph(**own)
    source = elsewhere.trained(tmp_path / "far", json.loads(built.parameters.stage1(w)))
    assert re.search(built.patterns.imported, f"{folder}/stage1/") is None

    taken = graph(**own, stage1={folder: {"source": str(source), "sha256": "0" * 64}})

    assert re.fullmatch(taken.patterns.imported, folder)
    assert not re.fullmatch(taken.patterns.imported, folder.replace(".", "x"))
    assert taken.parameters.imported_code(w) == "c0de00000000"
    assert taken.parameters.stage1(w) == built.parameters.stage1(w)


def test_the_code_that_trains_a_run_is_that_of_its_job(cifar_table: Graph) -> None:
    run = cifar_table.inputs.run_of(wildcards(**OF_MISLAS, method="mislas"))

    assert cifar_table.parameters.training_code(run.network) == cifar_table.parameters.code(
        "train_stage1", wildcards(**OF_MISLAS, stage1="mixup")
    )


def test_no_target_is_listed_twice(cifar_table: Graph) -> None:
    files = [
        *cifar_table.targets.figures(),
        *cifar_table.targets.tables(),
        *cifar_table.targets.stage1(),
        *cifar_table.targets.stage2(),
    ]

    assert max(Counter(files).values()) == 1


def test_three_stage2s_stand_on_one_mixup_network(cifar_table: Graph) -> None:
    runs = [
        cifar_table.inputs.run_of(wildcards(**OF_MISLAS, method=method))
        for method in ("crt_mixup", "lws_mixup", "mislas")
    ]

    assert len({run.folder for run in runs}) == 1
    assert (
        cifar_table.inputs.provenance(runs)[-1]
        == "results/runs/cifar10/if100/resnet32/mixup/seed0/stage1/provenance.json"
    )
    assert len(cifar_table.inputs.provenance(runs)) == 4


LADC_TABLES = ["ladc_ablation", "ladc_calibration_strategy", "ladc_stage2"]
ON_ONE_NETWORK = {
    *("remix_randaugment", "ladc", "ladc_lws", "ladc_crt", "ladc_average", "dc"),
    *("re_crt_cbs", "re_crt_las", "re_lws_cbs", "re_lws_las"),
}


def test_all_variants_of_ladc_stand_on_one_stage1() -> None:
    ladc = graph(tables=LADC_TABLES, figures=[], seeds={"runs": [0]})
    at_100 = [run for run in ladc.plan.runs if run.setting.imbalance == "if100"]
    standing = {run.method for run in at_100 if run.stage1 == "remix_randaugment"}

    assert standing == ON_ONE_NETWORK
    assert len({run.folder for run in at_100 if run.method in standing}) == 1
    # CE as printed, its control under LADC's recipe, and the network that all the others share.
    assert len({run.folder for run in at_100}) == 3


def test_a_post_hoc_method_uses_a_network_and_trains_nothing() -> None:
    groups = graph(tables=["ladc_groups"], figures=[], seeds={"runs": [0]})
    of_tau = wildcards(dataset="cifar100", imbalance="if100", backbone="resnet32", seed="0", method="tau_norm")
    run = groups.inputs.run_of(of_tau)
    folder = "results/runs/cifar100/if100/resnet32/ce_bot/seed0"

    assert run in groups.plan.runs
    assert run.classifier is None
    assert groups.inputs.logits(wildcards(**vars(of_tau), stage1="ce_bot")) == f"{folder}/tau_norm/logits.npz"
    assert groups.inputs.provenance([run]) == [f"{folder}/stage1/provenance.json"]
    assert [path for path in groups.targets.stage2() if "tau_norm" in path] == []
    assert groups.patterns.post_hoc_methods == "logit_adjustment|pc_softmax|tau_norm"
    assert json.loads(groups.parameters.post_hoc(of_tau)) == {
        "post_hoc": {"name": "tau_norm", "tau": None, "bias": False}
    }


def test_the_code_of_a_stage2_counts_its_generator_and_sampler() -> None:
    ladc = graph(tables=LADC_TABLES, figures=[])
    codes = {
        m: ladc.parameters.code("train_stage2", wildcards(**ON_CIFAR100, method=m))
        for m in ("ladc", "ladc_lws", "dc", "re_lws_cbs")
    }

    assert codes["ladc"] == codes["ladc_lws"]
    assert len(set(codes.values())) == 3


def test_every_value_of_a_sensitivity_figure_is_a_method_and_the_own_value_is_the_method() -> None:
    study = graph(tables=[], figures=["ladc_sensitivity"], seeds={"runs": [0, 1]})
    of_figure = wildcards(figure="ladc_sensitivity")
    panels = {panel["title"]: panel for panel in json.loads(study.figures["sensitivity"].layout(of_figure))["panels"]}
    folder = "results/runs/cifar100/if100/resnet32/remix_randaugment"

    assert [point["at"] for point in panels["m"]["points"]] == [1, 2, 3, 5]
    assert panels["m"]["default"] == 2
    assert panels["m"]["points"][1]["runs"][0] == f"{folder}/seed0/ladc/metrics.json"
    assert panels["m"]["points"][2]["runs"] == [
        f"{folder}/seed{seed}/ladc_generator_m_3/metrics.json" for seed in (0, 1)
    ]
    at = wildcards(**ON_CIFAR100, method="ladc_generator_alpha_0_05")
    varied, own = (
        json.loads(study.parameters.stage2(at)),
        json.loads(study.parameters.stage2(wildcards(**vars(at) | {"method": "ladc"}))),
    )
    assert varied["generator"].pop("alpha") == 0.05
    assert own["generator"].pop("alpha") == 0.15
    assert varied == own
    assert len(study.targets.stage1()) == 2


def test_a_sensitivity_figure_names_its_metrics_to_the_job(tmp_path: Path) -> None:
    plain = graph(tables=[], figures=[sensitivity(tmp_path, **HEAD)])
    named = graph(tables=[], figures=[sensitivity(tmp_path, "named", metrics=["few", "mce"], **HEAD)])

    assert json.loads(plain.figures["sensitivity"].layout(wildcards(figure="mine")))["metrics"] == ["top1", "ece"]
    assert json.loads(named.figures["sensitivity"].layout(wildcards(figure="named")))["metrics"] == ["few", "mce"]
    with pytest.raises(InputError, match=r"key 'metrics\.0' is 'minutes': .*\(known: ace, brier"):
        graph(tables=[], figures=[sensitivity(tmp_path, metrics=["minutes"], **HEAD)])


def test_a_value_of_a_sensitivity_figure_wins_over_the_methods_overrides(tmp_path: Path) -> None:
    figure = yaml.safe_load((CONFIG / "figures" / "ladc_sensitivity.yaml").read_text())
    figure |= {"method": "re_lws_las", "panels": [{"title": "ε", "key": "stage2.loss.head", "values": [0.05]}]}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(figure))
    study = graph(tables=[], figures=[str(tmp_path / "mine.yaml")])
    at = wildcards(**ON_CIFAR100, method="re_lws_las_loss_head_0_05")

    assert json.loads(study.parameters.stage2(at))["loss"]["head"] == 0.05


def sensitivity(tmp_path: Path, name: str = "mine", **changes: Any) -> str:
    """A sensitivity figure of one's own; gives its path."""
    figure = yaml.safe_load((CONFIG / "figures" / "ladc_sensitivity.yaml").read_text())
    (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(figure | changes))
    return str(tmp_path / f"{name}.yaml")


DC = {"k": 2, "alpha": 0.21, "head_rule": "share", "head_size": 0.6}
HEAD = {"method": "mislas", "baseline": "crt_mixup"}
HEAD |= {"panels": [{"title": "head", "key": "stage2.loss.head", "values": [0.25, 0.3, 0.4]}]}


def test_the_own_value_of_a_method_is_the_one_it_has_in_the_figures_setting(tmp_path: Path) -> None:
    """MiSLAS has 0.3 by itself and 0.4 on CIFAR-100 at factor 100."""
    study = graph(tables=[], figures=[sensitivity(tmp_path, **HEAD)])
    (panel,) = json.loads(study.figures["sensitivity"].layout(wildcards(figure="mine")))["panels"]

    assert panel["default"] == 0.4
    names = [point["runs"][0].split("/")[-2] for point in panel["points"]]
    assert names == ["mislas_loss_head_0_25", "mislas_loss_head_0_3", "mislas"]


def test_one_variant_serves_figures_of_several_settings(tmp_path: Path) -> None:
    on_digits = {**HEAD, "dataset": "digits", "factor": 50}
    study = graph(tables=[], figures=[sensitivity(tmp_path, "a", **HEAD), sensitivity(tmp_path, "b", **on_digits)])

    for dataset, imbalance in (("cifar100", "if100"), ("digits", "if50")):
        at = wildcards(**ON_CIFAR100 | {"dataset": dataset, "imbalance": imbalance}, method="mislas_loss_head_0_25")
        assert json.loads(study.parameters.stage2(at))["loss"]["head"] == 0.25


def test_a_variant_takes_no_name_from_a_method_of_ones_own(tmp_path: Path) -> None:
    own = {"mislas_loss_head_0_25": {"label": "Mine", "extends": "mislas"}}
    with pytest.raises(InputError, match=r"needs the name 'mislas_loss_head_0_25' for head = 0\.25: rename"):
        graph(tables=[], figures=[sensitivity(tmp_path, **HEAD)], methods=own)


def test_a_study_against_a_method_that_cannot_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mine\.yaml: .oltr. cannot run yet: it needs"):
        graph(tables=[], figures=[sensitivity(tmp_path, baseline="oltr")])


def test_a_figure_of_similar_classes_requires_a_network_of_its_own(tmp_path: Path) -> None:
    figure = yaml.safe_load((CONFIG / "figures" / "ladc_similarity.yaml").read_text())
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(figure | {"method": "crt_bot"}))

    with pytest.raises(InputError, match="key 'method': 'crt_bot' has no network of its own: name its stage1"):
        graph(tables=[], figures=[str(tmp_path / "mine.yaml")])


def test_two_panels_may_show_one_value_under_two_titles(tmp_path: Path) -> None:
    panels = [{"title": title, "key": "stage2.generator.m", "values": [1, 2]} for title in ("m", "heads")]
    study = graph(tables=[], figures=[sensitivity(tmp_path, panels=panels)])
    first, second = json.loads(study.figures["sensitivity"].layout(wildcards(figure="mine")))["panels"]

    assert first["points"] == second["points"]


def test_overrides_that_together_leave_no_cached_features_are_refused(tmp_path: Path) -> None:
    overrides = [
        {"dataset": "cifar10", "stage2": {"augment": True}},
        {"dataset": "cifar10", "factors": [100], "stage2": {"generator": {"name": "dc"} | DC}},
    ]
    mine = {"label": "Mine", "extends": "re_lws_cbs", "overrides": overrides}
    table = {"title": "x", "rows": [{"method": "mine"}]}
    table["columns"] = [{"dataset": "cifar10", "factor": 100, "backbone": "resnet32"}]
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(table))

    with pytest.raises(InputError, match=r"method .mine. on cifar10, key .stage2\.generator.: .dc. draws"):
        graph(tables=[str(tmp_path / "own.yaml")], figures=[], methods={"mine": mine})


@pytest.mark.parametrize("method", ["ce", "tau_norm", "mislas", "crt_bot"])
def test_a_projection_shows_what_learns_on_cached_features_only(tmp_path: Path, method: str) -> None:
    figure = yaml.safe_load((CONFIG / "figures" / "ladc_projection.yaml").read_text())
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(figure | {"method": method}))

    with pytest.raises(InputError, match=f"key 'method': '{method}' does not learn on cached features"):
        graph(tables=[], figures=[str(tmp_path / "mine.yaml")])


@pytest.mark.parametrize(
    ("panel", "sentence"),
    [
        ({"key": "stage2.generator.n"}, "method 'ladc' has no setting 'stage2.generator.n': correct the key"),
        ({"key": "stage2.recipe.epochs"}, "method 'ladc' has no setting 'stage2.recipe.epochs': correct the key"),
        ({"key": "stage2.generator"}, "method 'ladc' has no setting 'stage2.generator': correct the key"),
        ({"key": "stage2"}, "method 'ladc' has no setting 'stage2': correct the key"),
        ({"key": "label"}, "method 'ladc' has no setting 'label': correct the key"),
        ({"key": "stage1.recipe"}, "method 'ladc' has no setting 'stage1.recipe': correct the key"),
        ({"values": [0]}, "'stage2.generator': key 'm' is 0, which is not allowed"),
        ({"values": [1.5]}, "'stage2.generator': key 'm' is 1.5, which is not allowed"),
    ],
)
def test_a_value_that_a_method_cannot_have_is_refused(panel: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    figure = yaml.safe_load((CONFIG / "figures" / "ladc_sensitivity.yaml").read_text())
    figure["panels"] = [{"title": "m", "key": "stage2.generator.m", "values": [1]} | panel]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(figure))

    with pytest.raises(InputError, match=re.escape(sentence)) as caught:
        graph(tables=[], figures=[str(tmp_path / "mine.yaml")])
    assert "mine.yaml" in str(caught.value)


def test_figures_of_features_ask_for_the_first_seed_only() -> None:
    both = graph(tables=[], figures=["ladc_similarity", "ladc_projection"], seeds={"runs": [4, 5]})
    runs = "results/runs/cifar10"

    assert (
        both.figures["similarity"].inputs(wildcards(figure="ladc_similarity"))["features"]
        == f"{runs}/if100/resnet32/ce_ldam/seed4/features.npz"
    )
    projected = both.figures["projection"].inputs(wildcards(figure="ladc_projection"))["projection"]
    assert projected == f"{runs}/if200/resnet32/remix_randaugment/seed4/ladc/projection.npz"
    assert json.loads(both.figures["similarity"].layout(wildcards(figure="ladc_similarity")))["seeds"] == [4]
    for kind in ("similarity", "projection"):
        assert f"results/figures/{kind}/ladc_{kind}.svg" in both.targets.figures()


def probabilities(tmp_path: Path, *panels: dict[str, str], **changes: Any) -> str:
    """A figure of true-class probabilities of one's own; gives its path."""
    figure = yaml.safe_load((CONFIG / "figures" / "mislas_probabilities_cifar100.yaml").read_text())
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({**figure, "panels": list(panels), **changes}))
    return str(tmp_path / "mine.yaml")


def test_probabilities_read_the_logits_of_both_methods_under_all_seeds(tmp_path: Path) -> None:
    panels = ({"left": "mixup", "right": "mislas"}, {"left": "ldam", "right": "mislas"})
    drawn = graph(tables=[], figures=[probabilities(tmp_path, *panels)], seeds={"runs": [4, 5]})
    layout = json.loads(drawn.figures["probabilities"].layout(wildcards(figure="mine")))
    runs = "results/runs/cifar100/if100/resnet32"
    logits = {
        "mixup": [f"{runs}/mixup/seed{seed}/features.npz" for seed in (4, 5)],
        "mislas": [f"{runs}/mixup/seed{seed}/mislas/logits.npz" for seed in (4, 5)],
        "ldam": [f"{runs}/ldam/seed{seed}/features.npz" for seed in (4, 5)],
    }

    assert [[half["logits"] for half in panel] for panel in layout["panels"]] == [
        [logits["mixup"], logits["mislas"]],
        [logits["ldam"], logits["mislas"]],
    ]
    assert [bool(half["calibration"]) for half in layout["panels"][1]] == [True, False]
    assert set(drawn.figures["probabilities"].inputs(wildcards(figure="mine"))["logits"]) == {
        path for paths in logits.values() for path in paths
    }
    assert (layout["seeds"], layout["source"]) == ([4, 5], 'MiSLAS slides, "Label-aware Smoothing" pictures')
    assert "results/figures/probabilities/mine.svg" in drawn.targets.figures()


def test_a_panel_with_a_method_that_cannot_run_is_left_out_and_requires_nothing(tmp_path: Path) -> None:
    panels = ({"left": "crt", "right": "oltr"}, {"left": "lws_mixup", "right": "mislas"})
    drawn = graph(tables=[], figures=[probabilities(tmp_path, *panels)])
    (panel,) = json.loads(drawn.figures["probabilities"].layout(wildcards(figure="mine")))["panels"]

    assert [half["label"] for half in panel] == ["LWS+mixup", "MiSLAS"]
    assert {run.method for run in drawn.plan.runs} == {"lws_mixup", "mislas"}


def test_probabilities_of_which_nothing_can_run_are_not_drawn(tmp_path: Path) -> None:
    drawn = graph(tables=[], figures=[probabilities(tmp_path, {"left": "mislas", "right": "oltr"})])

    assert drawn.targets.figures() == drawn.plan.runs == []


@pytest.mark.parametrize(
    ("panel", "changes", "sentence"),
    [
        ({"left": "crt", "right": "mislass"}, {}, r"mine\.yaml: unknown method 'mislass': did you mean 'mislas'"),
        ({"left": "crt"}, {}, r"mine\.yaml.*'?panels.*right"),
        ({"left": "crt", "right": "mislas"}, {"kind": "probability"}, r"'kind' is 'probability': .*probabilities"),
        ({"left": "crt", "right": "mislas"}, {"method": "ce"}, r"mine\.yaml.*'method'"),
    ],
)
def test_mistakes_in_a_figure_of_probabilities_are_named(
    tmp_path: Path, panel: dict[str, str], changes: dict[str, str], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        graph(tables=[], figures=[probabilities(tmp_path, panel, **changes)])


def test_a_table_of_data_sets_requires_their_subsets_and_says_what_is_missing() -> None:
    described = graph(tables=["ladc_datasets"], figures=[])
    of_table = wildcards(statistics="ladc_datasets")
    rows = {row["label"]: row for row in json.loads(described.layouts.statistics(of_table))["rows"]}

    wanted = [f"results/data/{name}/{factor}/subset.json" for name in ("cifar10", "cifar100") for factor in FACTORS]
    wanted.append("results/data/thucnews/if100/subset.json")
    assert described.inputs.described_subsets(of_table) == wanted
    assert [subset["path"] for subset in rows["CIFAR10-LT"]["subsets"]] == wanted[:2]
    assert "your copy of ImageNet-LT" in rows["ImageNet-LT"]["needs"]
    assert rows["THUNEWS-LT"]["needs"] is None
    assert described.plan.runs == []
    assert described.targets.tables()[0] == "results/tables/ladc_datasets.csv"


def test_a_table_of_data_sets_says_what_is_passed_over(tmp_path: Path, image_tree: Callable[..., Path]) -> None:
    root = image_tree("cat", "dog", images=1)
    rows = [{"dataset": "birds", "factors": ["natural"], "remark": remark} for remark in ("", "Mine.")]
    table = {"kind": "datasets", "title": "x", "rows": rows}
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(table))
    birds = {"title": "Birds", "kind": "folder", "data_dir": str(root)}
    described = graph(tables=[str(tmp_path / "x.yaml")], figures=[], datasets={"birds": birds})

    def remarks() -> list[str]:
        return [row["remark"] for row in json.loads(described.layouts.statistics(wildcards(statistics="x")))["rows"]]

    assert remarks() == ["", "Mine."]
    (root / "train/cat/notes.txt").touch()
    passed = "Passed over in its folder: 1 no image by name (train/cat/notes.txt)."
    assert remarks() == [passed, f"Mine. {passed}"]


def test_a_table_of_claims_requires_logits_and_trainings_of_every_method_it_names() -> None:
    said = graph(tables=["mislas_claims_cifar100"], figures=[], seeds={"runs": [0, 3]})
    of_table, runs = wildcards(claims="mislas_claims_cifar100"), "results/runs/cifar100/if100/resnet32"
    layout = json.loads(said.layouts.claims(of_table))

    stands_on = {"ce": "ce", "mixup": "mixup", "crt": "ce", "lws": "ce"}
    stands_on |= dict.fromkeys(("crt_mixup", "lws_mixup", "mislas"), "mixup")
    logits = {
        name: [f"{runs}/{stage1}/seed{n}/{'features' if name == stage1 else f'{name}/logits'}.npz" for n in (0, 3)]
        for name, stage1 in stands_on.items()
    }
    assert {name: [run["logits"] for run in of["runs"]] for name, of in layout["methods"].items()} == logits
    assert sorted(said.inputs.claims_logits(of_table)) == sorted(path for paths in logits.values() for path in paths)
    assert len(said.inputs.provenance(said.inputs.claims_runs(of_table))) == 2 * (2 + 5)  # Stage 1s and Stage 2s
    assert (layout["setting"], layout["seeds"]) == ("CIFAR-100, factor 100, resnet32", [0, 3])
    assert layout["evaluation"] == {"bins": 15, "resamples": 1000}
    assert said.targets.tables() == [
        f"results/tables/mislas_claims_cifar100.{form}" for form in results.TABLE_FORMATS
    ]
    assert (said.patterns.claims_tables, said.patterns.method_tables) == ("mislas_claims_cifar100", "(?!)")


def test_a_page_that_ranks_methods_requires_logits_trainings_and_classes(tmp_path: Path) -> None:
    columns = [{"dataset": "digits", "factor": 50, "backbone": "resnet32"}]
    rows = [{"method": "ce"}, {"method": "mislas"}, {"method": "oltr"}, {"method": "focal"}]
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"title": "Own", "columns": columns, "rows": rows}))
    own = graph(tables=[str(tmp_path / "own.yaml")], figures=[], seeds={"runs": [0, 3]})
    of_page, runs = wildcards(ranking="own"), "results/runs/digits/if50/resnet32"
    layout = json.loads(own.layouts.ranking(of_page))

    logits = {
        "ce": "ce/seed3/features.npz",
        "mislas": "mixup/seed3/mislas/logits.npz",
        "focal": "focal/seed3/features.npz",
    }
    ran = {method["method"]: method["runs"][1] for method in layout["methods"] if method["runs"]}
    assert {name: run["logits"] for name, run in ran.items()} == {name: f"{runs}/{of}" for name, of in logits.items()}
    assert ran["mislas"]["trainings"] == [f"{runs}/mixup/seed3/{of}/provenance.json" for of in ("mislas", "stage1")]
    assert [bool(method["needs"]) for method in layout["methods"]] == [False, False, True, False]
    assert (layout["setting"], layout["seeds"], layout["examples"]) == (
        "Digits, factor 50, resnet32",
        [0, 3],
        "images",
    )
    assert layout["evaluation"] == {"bins": 15, "resamples": 1000}
    assert len(own.inputs.ranked_logits(of_page)) == 6
    assert own.inputs.ranked_subset(of_page) == "results/data/digits/if50/subset.json"
    assert own.inputs.ranked_classes(of_page) == "results/data/digits/classes.json"
    assert own.targets.rankings() == [f"results/rankings/own.{form}" for form in results.RANKING_FORMATS]
    assert own.patterns.rankings == "own"


def test_a_one_stage_method_is_scored_on_its_features(cifar_table: Graph) -> None:
    folder = "results/runs/cifar10/if100/resnet32/mixup/seed0"
    of_mixup = wildcards(**OF_MISLAS, stage1="mixup")

    assert cifar_table.inputs.logits(wildcards(**vars(of_mixup), method="mixup")) == f"{folder}/features.npz"
    assert cifar_table.inputs.logits(wildcards(**vars(of_mixup), method="mislas")) == f"{folder}/mislas/logits.npz"


def test_parameters_are_json_with_sorted_keys(cifar_table: Graph) -> None:
    """Equal settings are equal text, whatever order their YAML has."""
    for text in (
        cifar_table.parameters.stage1(wildcards(**OF_MISLAS, stage1="ce")),
        cifar_table.parameters.stage2(wildcards(**OF_MISLAS, method="mislas")),
        cifar_table.layouts.table(wildcards(table="mislas_cifar")),
        cifar_table.parameters.source(wildcards(dataset="cifar10")),
    ):
        assert text == json.dumps(json.loads(text), sort_keys=True)


def test_the_order_of_keys_in_a_persons_file_changes_no_parameter(cifar_table: Graph) -> None:
    recipe = yaml.safe_load((CONFIG / "recipes.yaml").read_text())["MiSLAS-S1"]
    turned = graph(tables=["mislas_cifar"], figures=[], recipes={"MiSLAS-S1": dict(reversed(recipe.items()))})

    assert turned.parameters.stage1(wildcards(**OF_MISLAS, stage1="ce")) == cifar_table.parameters.stage1(
        wildcards(**OF_MISLAS, stage1="ce")
    )


def test_only_what_a_job_reads_is_among_its_parameters(cifar_table: Graph) -> None:
    """Another number of confidence bins scores anew, and trains nothing."""
    finer = graph(tables=["mislas_cifar"], figures=[], evaluation={"bins": 20})
    of_ce = wildcards(**OF_MISLAS, stage1="ce", method="mislas")

    assert finer.parameters.evaluation(of_ce) != cifar_table.parameters.evaluation(of_ce)
    for answer in ("stage1", "stage2", "features", "long_tail", "source"):
        assert getattr(finer.parameters, answer)(of_ce) == getattr(cifar_table.parameters, answer)(of_ce)


def test_features_depend_on_no_recipe(cifar_table: Graph) -> None:
    longer = graph(tables=["mislas_cifar"], figures=[], recipes={"MiSLAS-S1": {"epochs": 201}})
    of_ce = wildcards(**OF_MISLAS, stage1="ce")

    assert longer.parameters.stage1(of_ce) != cifar_table.parameters.stage1(of_ce)
    assert longer.parameters.features(of_ce) == cifar_table.parameters.features(of_ce)


def test_the_code_of_a_job_counts_the_parts_its_settings_name(cifar_table: Graph) -> None:
    codes = {
        method: cifar_table.parameters.code("train_stage2", wildcards(**OF_MISLAS, method=method))
        for method in ("crt_mixup", "lws_mixup", "mislas")
    }

    assert codes["crt_mixup"] == codes["lws_mixup"] != codes["mislas"]


BASELINES = ("ce_ldam", "ldam", "mcw_ldam", "bbn", "smote", "lade", "balanced_softmax", "tde", "ce_drs", "focal_drw")


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the library, which fingerprints are taken of."""
    for folder in ("lib", "workflow_scripts"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(fingerprint.ROOT / folder, tmp_path / folder, ignore=ignored)
    monkeypatch.setattr(fingerprint, "ROOT", tmp_path)
    monkeypatch.setattr(fingerprint, "LIB", tmp_path / "lib" / "longtail")
    forget()
    yield tmp_path / "lib" / "longtail"
    forget()


def forget() -> None:
    for cached in (parameters.cached_fingerprint, fingerprint._tree, fingerprint._meaning, fingerprint._imports):
        cached.cache_clear()


@pytest.mark.parametrize(
    ("file", "touched"),
    [
        ("losses/lade.py", {"lade"}),
        ("losses/balanced_softmax.py", {"balanced_softmax", "lade"}),
        ("losses/ldam.py", {"ldam", "mcw_ldam"}),
        ("heads/cosine.py", {"ldam", "mcw_ldam"}),
        ("heads/causal_norm.py", {"tde"}),
        ("stage1/algorithms/smote.py", {"smote"}),
        ("stage1/algorithms/bbn.py", {"bbn"}),
        ("stage1/algorithms/_meta.py", {"mcw_ldam"}),
        ("samplers/reverse.py", {"bbn"}),
        ("models/bbn_resnet32.py", {"bbn", "lade", "balanced_softmax", "tde"}),
        ("weightings/class_balanced.py", {"mcw_ldam", "focal_drw"}),
        ("samplers/class_balanced.py", {"ce_drs"}),
        ("stage1/learner.py", set(BASELINES)),
    ],
)
def test_a_changed_part_counts_for_the_methods_that_use_it(copied: Path, file: str, touched: set[str]) -> None:
    asked = graph(tables=[], figures=[])

    def codes() -> dict[str, str]:
        forget()
        return {
            name: asked.parameters.code("train_stage1", wildcards(**OF_MISLAS, stage1=name)) for name in BASELINES
        }

    before = codes()
    (copied / file).write_text((copied / file).read_text() + "\nMORE = 1\n")
    after = codes()

    assert {name for name in BASELINES if after[name] != before[name]} == touched


@pytest.mark.parametrize("package", ["data/forms", "engine/forms"])
@pytest.mark.parametrize(
    ("form", "touched"), [("images", {"cifar10"}), ("files", {"imagenet_lt"}), ("titles", {"made_titles"})]
)
def test_a_changed_form_counts_for_the_data_of_that_form(
    copied: Path, package: str, form: str, touched: set[str]
) -> None:
    asked = graph(tables=[], figures=[])
    backbones = {"cifar10": "resnet32", "imagenet_lt": "resnet10", "made_titles": "textcnn"}

    def codes() -> dict[tuple[str, str], str]:
        forget()
        return {
            (script, name): asked.parameters.code(script, wildcards(**OF_MISLAS | on, method="crt"))
            for name, backbone in backbones.items()
            for script in ("build_long_tail", "train_stage1", "extract_features", "train_stage2")
            for on in [{"dataset": name, "backbone": backbone, "stage1": "ce"}]
        }

    before, file = codes(), copied / f"{package}/{form}.py"
    file.write_text(file.read_text() + "\nMORE = 1\n")
    after = codes()

    changed = {key for key in before if after[key] != before[key]}
    scripts = {"train_stage1", "extract_features", "train_stage2"}
    scripts |= {"build_long_tail"} if package == "data/forms" else set()
    assert changed == {(script, name) for script in scripts for name in touched}


def test_a_form_of_a_backbone_changes_settings_and_not_addresses() -> None:
    own = {"standing": {"label": "x", "paper": "x", "stage1": "ce_lade", "stage2": CRT}}
    asked = graph(tables=[], figures=[], methods=own)
    of_bbn = wildcards(**OF_MISLAS, stage1="bbn", method="bbn")
    of_standing = wildcards(**OF_MISLAS, stage1="ce_lade", method="standing")

    assert asked.inputs.run_of(of_bbn).metrics == "cifar10/if100/resnet32/bbn/seed0/bbn/metrics.json"
    assert asked.inputs.logits(of_bbn) == "results/runs/cifar10/if100/resnet32/bbn/seed0/features.npz"
    for parameters_text in (
        asked.parameters.stage1(of_bbn),
        asked.parameters.features(of_bbn),
        asked.parameters.stage2(of_standing),
    ):
        assert json.loads(parameters_text)["backbone"] == "bbn_resnet32"
        assert "backbones" not in json.loads(parameters_text)
    assert json.loads(asked.parameters.stage1(wildcards(**OF_MISLAS, stage1="ce")))["backbone"] == "resnet32"


def test_features_depend_on_the_head_that_gives_logits(cifar_table: Graph) -> None:
    settings = {
        name: json.loads(cifar_table.parameters.features(wildcards(**OF_MISLAS, stage1=name)))
        for name in ("ce", "ldam_drw")
    }

    assert settings["ce"]["head"] == {"name": "linear"}
    assert settings["ldam_drw"]["head"] == {"name": "cosine", "scale": 30.0}
    codes = {
        name: cifar_table.parameters.code("extract_features", wildcards(**OF_MISLAS, stage1=name))
        for name in settings
    }
    assert codes["ce"] != codes["ldam_drw"]


def test_subsets_run_from_balanced_to_most_imbalanced() -> None:
    whole = graph()

    assert [Path(path).parent.name for path in whole.inputs.subsets("cifar10")] == [
        "if1",
        "if10",
        "if50",
        "if100",
        "if200",
    ]
    assert json.loads(whole.figures["class_counts"].layout(wildcards(dataset="cifar10"))) == {
        "title": "Training images per class: CIFAR-10",
        "examples": "images",
        "series": ["balanced", "factor 10", "factor 50", "factor 100", "factor 200"],
    }


def test_a_table_tells_the_seeds_of_its_own_cells(cifar_table: Graph, tmp_path: Path) -> None:
    table = yaml.safe_load((CONFIG / "tables" / "mislas_cifar.yaml").read_text())
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(table | {"seeds": [5]}))
    of_own = wildcards(table="own")
    own = graph(tables=[str(tmp_path / "own.yaml")], figures=[])

    assert json.loads(own.layouts.table(of_own))["seeds"] == [5]
    assert {run.seed for run in own.inputs.table_runs(of_own)} == {5}
    assert json.loads(cifar_table.layouts.table(wildcards(table="mislas_cifar")))["seeds"] == [0, 1, 2]


def test_how_logits_become_probabilities_reaches_tables_and_comparisons(tmp_path: Path) -> None:
    text = "each logit by a sigmoid"
    own = {
        "mine": {"label": "Mine", "extends": "ce", "calibration": text},
        "heir": {"label": "Heir", "extends": "mine"},
    }
    at = {"dataset": "digits", "factor": 50, "backbone": "resnet32"}
    shown = [{"method": "ce"}, {"method": "mine"}, {"method": "heir"}]
    (tmp_path / "t.yaml").write_text(yaml.safe_dump({"title": "x", "columns": [at], "rows": shown}))
    (tmp_path / "f.yaml").write_text(yaml.safe_dump({"title": "x", **at, "panels": shown}))
    asked = graph(tables=[str(tmp_path / "t.yaml")], figures=[str(tmp_path / "f.yaml")], methods=own)

    rows = json.loads(asked.layouts.table(wildcards(table="t")))["rows"]
    panels = json.loads(asked.figures["comparison"].layout(wildcards(figure="f")))["panels"]
    for places in (rows, panels):
        assert [place["calibration"] for place in places] == [None, text, text]
    of = {"dataset": "digits", "imbalance": "if50", "backbone": "resnet32", "seed": "0"}
    assert asked.parameters.stage1(wildcards(**of, stage1="ce")) == asked.parameters.stage1(
        wildcards(**of, stage1="mine")
    )


def test_a_table_lists_the_trainings_that_each_run_requires(tmp_path: Path) -> None:
    at = {"dataset": "cifar100", "factor": 100, "backbone": "resnet32"}
    shown = [{"method": method} for method in ("ce_bot", "tau_norm", "crt_bot")]
    (tmp_path / "t.yaml").write_text(yaml.safe_dump({"title": "x", "columns": [at], "rows": shown}))
    asked = graph(tables=[str(tmp_path / "t.yaml")], figures=[], seeds={"runs": [0, 1]})
    of_table = wildcards(table="t")
    trainings = [row["cells"][0]["trainings"] for row in json.loads(asked.layouts.table(of_table))["rows"]]

    networks = [f"results/runs/cifar100/if100/resnet32/ce_bot/seed{seed}" for seed in (0, 1)]
    alone = [[f"{network}/stage1/provenance.json"] for network in networks]
    assert trainings[:2] == [alone, alone]
    assert trainings[2] == [
        [f"{network}/{part}/provenance.json" for part in ("crt_bot", "stage1")] for network in networks
    ]
    inputs = asked.inputs.provenance(asked.inputs.table_runs(of_table))
    assert {path for cell in trainings for paths in cell for path in paths} == set(inputs)


def test_titles_are_words(cifar_table: Graph) -> None:
    layout = json.loads(cifar_table.figures["reliability"].layout(wildcards(**OF_MISLAS, method="mislas")))
    assert layout == {"title": "Reliability of MiSLAS on CIFAR-10, factor 100, resnet32, seed 0", "method": "MiSLAS"}
    assert cifar_table.layouts.imbalance_label("cifar10", "if1") == "CIFAR-10, balanced"
    assert cifar_table.layouts.imbalance_label("cifar10", "natural") == "CIFAR-10, natural imbalance"


def test_a_comparison_without_a_run_is_not_drawn(tmp_path: Path) -> None:
    figure = {
        "title": "x",
        "dataset": "places_lt",
        "factor": "natural",
        "backbone": "resnet152",
        "panels": [{"method": "ce"}],
    }
    (tmp_path / "empty.yaml").write_text(yaml.safe_dump(figure))

    assert graph(tables=["mislas_places_lt"], figures=[str(tmp_path / "empty.yaml")]).targets.figures() == []


@pytest.mark.parametrize(("bins", "drawn"), [(None, None), (15, None), (20, 20)])
def test_a_comparison_names_its_bins_where_they_are_not_the_evaluations_own(
    tmp_path: Path, bins: int | None, drawn: int | None
) -> None:
    figure = {"title": "x", "dataset": "digits", "factor": 50, "backbone": "resnet32", "panels": [{"method": "ce"}]}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(figure | ({"bins": bins} if bins else {})))
    layout = json.loads(
        graph(tables=[], figures=[str(tmp_path / "mine.yaml")]).figures["comparison"].layout(wildcards(figure="mine"))
    )

    assert layout["bins"] == drawn
    assert layout["title"] == (f"x, {drawn} bins" if drawn else "x")


def test_bins_that_are_not_counted_are_refused(tmp_path: Path) -> None:
    figure = yaml.safe_load((CONFIG / "figures" / "mislas_reliability_cifar10.yaml").read_text())
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(figure | {"bins": 25}))
    asked: dict[str, Any] = {"tables": [], "figures": [str(tmp_path / "mine.yaml")]}

    sentence = (
        r"mine\.yaml, key 'bins': test images are counted in 15 or 20 bins, not in 25: add 25 to evaluation\.also"
    )
    with pytest.raises(InputError, match=sentence):
        graph(**asked)
    assert (
        json.loads(graph(**asked, evaluation={"also": [25]}).figures["comparison"].layout(wildcards(figure="mine")))[
            "bins"
        ]
        == 25
    )


def test_contents_of_a_data_set_of_lists_are_those_of_its_lists(tmp_path: Path) -> None:
    held = {"data_dir": str(tmp_path)}
    for key in ("train_list", "test_list"):
        (tmp_path / key).write_text("a/1.jpg 0\nb/1.jpg 1\n")
        held[key] = str(tmp_path / key)
    of_imagenet = wildcards(dataset="imagenet_lt")
    contents = graph(tables=["mislas_imagenet_lt"], figures=[], datasets={"imagenet_lt": held}).parameters.contents

    seen = [contents(of_imagenet)]
    (tmp_path / "a").mkdir()
    (tmp_path / "a/1.jpg").touch()
    assert contents(of_imagenet) == seen[0]
    for key in ("train_list", "test_list"):
        (tmp_path / key).write_text("a/1.jpg 0\nb/2.jpg 1\n")
        seen.append(contents(of_imagenet))
    assert len(set(seen)) == 3


@pytest.mark.parametrize(("device", "expected"), [("cpu", 0), ("cuda", 1)])
def test_only_training_on_a_gpu_waits_for_one(device: str, expected: int) -> None:
    assert graph(tables=["mislas_cifar"], figures=[], compute={"device": device}).resources.gpus == expected


@pytest.mark.parametrize(
    ("chosen", "processes", "jobs_per_gpu", "expected"),
    [("", 1, 2, (0, 0, 2)), ("0,1,2", 1, 2, (1, 1, 6)), ("0,1,2", 2, 1, (1, 2, 3)), ("0,1,2", 8, 1, (1, 3, 3))],
)
def test_slots_are_counted_by_gpus(monkeypatch, chosen, processes, jobs_per_gpu, expected) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    compute = {"processes": processes, "jobs_per_gpu": jobs_per_gpu}
    made = graph(tables=["mislas_cifar"], figures=[], compute=compute)
    assert (made.resources.gpus, made.resources.gpus_of_stage1, made.resources.gpu_slots) == expected


def test_the_listed_seeds_are_those_of_existing_runs(tmp_path: Path) -> None:
    """CE under seed 1, mixup under seeds 1 and 2: what is left out is not said to have been run."""
    column = {"dataset": "digits", "factor": 50, "backbone": "resnet32"}
    rows = [{"method": "ce"}, {"method": "mixup"}]
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"title": "x", "columns": [column], "rows": rows}))
    figure = {"title": "y", **column, "panels": rows}
    (tmp_path / "panels.yaml").write_text(yaml.safe_dump(figure))
    asked = {"tables": [str(tmp_path / "own.yaml")], "figures": [str(tmp_path / "panels.yaml")]}
    everything = graph(**asked)
    found = {}
    for name, seed in (("ce", 1), ("mixup", 1), ("mixup", 2)):
        w = wildcards(dataset="digits", imbalance="if50", backbone="resnet32", stage1=name, seed=str(seed))
        source = elsewhere.trained(tmp_path / f"far/{name}{seed}", json.loads(everything.parameters.stage1(w)))
        found[f"digits/if50/resnet32/{name}/seed{seed}"] = {
            "source": str(source),
            "sha256": imported.digest(source),
        }
    built = graph(**asked, stage1=found, missing_networks="leave_out")

    table, panels = (
        json.loads(built.layouts.table(wildcards(table="own"))),
        json.loads(built.figures["comparison"].layout(wildcards(figure="panels"))),
    )

    assert (table["seeds"], panels["seeds"]) == ([1, 2], [1, 2])
    assert [len(row["cells"][0]["runs"]) for row in table["rows"]] == [1, 2]
    assert [len(panel["runs"]) for panel in panels["panels"]] == [1, 2]


def test_only_files_of_the_project_are_named_as_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("tables: [digits]\nfigures: []\n")
    built = Graph.of(
        merge(yaml.safe_load((CONFIG / "config.yaml").read_text()), {"tables": ["digits"], "figures": []}),
        [CONFIG / "demo.yaml", tmp_path / "mine.yaml", CONFIG / "config.yaml"],
    )

    assert json.loads(built.parameters.configuration()) == ["config/config.yaml", "config/demo.yaml"]
