from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from longtail.config import build as builder
from longtail.config.plan import Plan
from longtail.config.registry import CONFIG, merge
from longtail.runtime.errors import InputError

COLUMN = {"dataset": "digits", "factor": 50, "backbone": "resnet32"}
TAU_NORM = {"name": "tau_norm", "tau": 1.0, "bias": False}
TABLE = {
    "title": "Own",
    "columns": [COLUMN],
    "rows": [{"method": "ce"}, {"method": "mislas"}, {"method": "crt"}],
}


def build(*files: Path, **own: Any) -> Plan:
    """The plan of the default configuration with files and keys of one's own on top."""
    config: dict[str, Any] = {}
    for file in (CONFIG / "config.yaml", *files):
        config = merge(config, yaml.safe_load(file.read_text()))
    return builder.build(merge(config, own), list(files))


@pytest.fixture(scope="module")
def default() -> Plan:
    """The plan of the default configuration."""
    return build()


@pytest.fixture
def own_table(tmp_path: Path) -> Callable[..., str]:
    """A writer of a small table, with changes; gives its path."""

    def write(name: str = "own", **changes: Any) -> str:
        path = tmp_path / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump({**TABLE, **changes}))
        return str(path)

    return write


def test_the_default_configuration_builds(default: Plan) -> None:
    asked = yaml.safe_load((CONFIG / "config.yaml").read_text())["tables"]
    assert [*default.statistics, *default.tables] == asked
    assert {run.setting.dataset for run in default.runs} == {"cifar10", "cifar100", "thucnews"}


def test_the_demo_builds_and_needs_nothing() -> None:
    demo, whole = build(CONFIG / "demo.yaml"), build(CONFIG / "demo.yaml", CONFIG / "demo_all.yaml")

    for built in (demo, whole):
        assert [cell.needs for table in built.tables.values() for cell in table.cells if cell.needs] == []
    assert {run.setting.dataset for run in demo.runs} == {"digits"}
    # 2 factors x 7 methods x 2 seeds, 13 more at factor 50, and balanced CE, once though two figures show it.
    assert len(demo.runs) == (2 * 7 + 13 + 1) * 2
    # At factor 50: CE, mixup, Remix with RandAugment; at factor 10: CE, mixup; and balanced CE.
    assert len({run.folder for run in demo.runs}) == (3 + 2 + 1) * 2
    # In addition the 23 baselines at factor 50 under one seed, and three methods on titles. Of the baselines 21 train
    # a network, logit adjustment stands on one of these and PC Softmax on another CE. On titles CE and balanced
    # softmax train one each.
    assert {run.setting.dataset for run in whole.runs} == {"digits", "made_titles"}
    assert len(whole.runs) == len(demo.runs) + 23 + 3
    assert len({run.folder for run in whole.runs}) == (3 + 2 + 1) * 2 + 22 + 2


@pytest.mark.parametrize("path", sorted(CONFIG.glob("studies/*.yaml")), ids=lambda path: path.name)
def test_every_study_builds_and_needs_nothing(path: Path) -> None:
    built = build(path)

    assert built.runs
    assert [cell.needs for figure in built.figures.values() for cell in figure.cells if cell.needs] == []


@pytest.mark.parametrize("path", sorted(CONFIG.glob("*.yaml")), ids=lambda path: path.name)
def test_every_file_of_config_is_a_configuration_that_the_tests_know(path: Path) -> None:
    assert path.name in {
        *("config.yaml", "demo.yaml", "demo_all.yaml", "published.yaml", "networks.yaml", "recipes.yaml"),
        *("cifar10_jpeg_ladc.yaml", "cifar10_jpeg_baselines.yaml"),
        *("gtsrb.yaml", "gtsrb_weights.yaml", "thucnews_sample.yaml", "thucnews_sample_steps.yaml"),
    }


def test_every_row_prints_a_cell_for_each_column_and_no_more_numbers_than_metrics() -> None:
    for path in (CONFIG / "tables").glob("*.yaml"):
        table = yaml.safe_load(path.read_text())
        metrics = table.get("metrics", ["top1", "ece"])
        for row in table["rows"] if "columns" in table else []:
            if "printed" in row:
                where = f"{path.name}: {row['method']}"
                assert len(row["printed"]) == len(table["columns"]), where
                assert all(cell is None or 1 <= len(cell) <= len(metrics) for cell in row["printed"]), where
                assert any(cell is not None for cell in row["printed"]), where
                assert table["source"], where


@pytest.mark.parametrize(
    ("table", "method", "column", "printed"),
    [
        ("mislas_cifar", "ce", 0, {"top1": 70.4}),
        ("mislas_cifar", "mixup", 5, {"top1": 58.2}),
        ("mislas_cifar", "remix_drw", 1, {}),
        ("mislas_cifar", "crt_mixup", 3, {"top1": 45.1, "ece": 13.8}),
        ("mislas_cifar", "lws_mixup", 4, {"top1": 50.7, "ece": 19.2}),
        ("mislas_cifar", "mislas", 0, {"top1": 82.1, "ece": 3.7}),
        ("mislas_cifar", "mislas", 5, {"top1": 63.2, "ece": 1.73}),
        ("mislas_imagenet_lt", "mislas", 0, {"top1": 52.7, "ece": 1.8}),
        ("mislas_places_lt", "mislas", 0, {"top1": 40.4, "ece": 3.6}),
        ("mislas_mixup_lws", "lws_mixup12", 1, {"top1": 53.3, "ece": 6.97}),
        ("ladc_cifar", "ladc", 0, {"top1": 81.56}),
        ("ladc_cifar", "ladc", 7, {"top1": 64.66}),
        ("ladc_cifar", "crt_bot", 4, {"top1": 38.16}),
        ("ladc_ablation", "ce_ladc", 0, {}),
        ("ladc_ablation", "ladc_lws", 2, {"top1": 54.0}),
        ("ladc_groups", "ladc", 0, {"top1": 50.8, "many": 64.5, "medium": 52.6, "few": 32.5}),
        ("ladc_calibration_strategy", "ladc_average", 2, {"top1": 47.25}),
        ("ladc_stage2", "ladc_crt", 0, {"top1": 46.92}),
        ("ladc_stage2", "re_lws_las", 1, {"top1": 48.21}),
        ("ladc_imagenet_lt", "ladc", 1, {"top1": 52.6}),
        ("ladc_inaturalist2018", "ladc", 0, {"top1": 69.33}),
    ],
)
def test_printed_numbers_reach_their_cells(
    default: Plan, table: str, method: str, column: int, printed: dict[str, float]
) -> None:
    (row,) = [row for row in default.tables[table].rows if row[0].method == method]

    assert row[column].printed == printed


def test_minutes_have_no_place_among_the_printed_numbers(own_table: Callable[..., str]) -> None:
    metrics = ["top1", "minutes", "ece"]
    rows = [{"method": "ce", "printed": [[70.4, 10.6]]}]
    (cell,) = build(tables=[own_table(metrics=metrics, rows=rows)], figures=[]).tables["own"].cells
    assert cell.printed == {"top1": 70.4, "ece": 10.6}

    rows = [{"method": "ce", "printed": [[70.4, 3.0, 10.6]]}]
    with pytest.raises(InputError, match=r"in one cell for the metrics \['top1', 'ece'\]: at most one number each"):
        build(tables=[own_table(metrics=metrics, rows=rows)], figures=[])


def test_claims_want_the_runs_of_each_method_that_they_name(own_table: Callable[..., str]) -> None:
    claims = build(tables=[own_claims(own_table)], figures=[], seeds={"runs": [0, 4]})

    (found,) = claims.claims.values()
    assert [cell.method for cell in found.cells] == ["mislas", "ce", "oltr"]
    assert [(run.method, run.stage1, run.seed) for run in claims.runs] == [
        *[("ce", "ce", seed) for seed in (0, 4)],
        *[("mislas", "mixup", seed) for seed in (0, 4)],
    ]
    assert found.cells[2].needs == "modulated attention and the meta-embedding classifier"
    both = build(tables=[own_claims(own_table), own_table("other")], figures=[], seeds={"runs": [0, 4]})
    assert {run.method for run in both.runs} == {"ce", "mislas", "crt"}
    assert len(both.runs) == 6


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"better": "mislass"}, "unknown method 'mislass': did you mean 'mislas'"),
        ({"than": ["ce", "cee"]}, "unknown method 'cee': did you mean 'ce'"),
        ({"metric": "top5"}, "key 'claims.0.metric' is 'top5': did you mean 'top1'"),
        ({"than": []}, r"key 'claims.0.than' is \[\], which is not allowed: names of the methods .* at least 1 long"),
        ({"than": ["ce", "ce"]}, r"key 'claims.0.than' is \['ce', 'ce'\], .* it must be without repetition"),
        ({"than": ["ce", "mislas"]}, "key 'claims.0.than': 'mislas' cannot be better than itself: remove it$"),
        ({"printed": {"top1": 47.0}}, "unknown key 'top1' in 'claims.0.printed'"),
        ({"verdict": "holds"}, "unknown key 'verdict' in 'claims.0'"),
    ],
)
def test_a_mistake_in_a_claim_names_its_file(
    own_table: Callable[..., str], changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=rf"own\.yaml: {sentence}|own\.yaml, {sentence}") as caught:
        build(tables=[own_claims(own_table, **changes)], figures=[])
    assert "\n" not in str(caught.value)


def own_claims(own_table: Callable[..., str], **changes: Any) -> str:
    """The path of a small table of claims, the first with changes."""
    claim = {"claim": "it is better", "metric": "top1", "better": "mislas", "than": ["ce"]}
    listed = [claim | changes, claim | {"metric": "ece", "than": ["ce", "oltr"]}]
    path = Path(own_table())
    path.write_text(yaml.safe_dump({"kind": "claims", "title": "Own", **COLUMN, "claims": listed}))
    return str(path)


def test_a_run_is_shared_by_all_that_show_it(own_table: Callable[..., str]) -> None:
    once, twice = build(tables=[own_table()], figures=[]), build(tables=[own_table(), own_table("other")], figures=[])

    assert once.runs == twice.runs
    assert max(Counter(twice.runs).values()) == 1
    assert len(once.runs) == 3 * 3


def test_a_table_may_have_seeds_of_its_own_and_shares_the_runs_that_both_show(own_table: Callable[..., str]) -> None:
    tables = [own_table(seeds=[1, 7]), own_table("other")]
    built = build(tables=tables, figures=["mislas_reliability_cifar10"], seeds={"runs": [0, 1]})

    assert {run.seed for cell in built.tables["own"].cells for run in cell.runs} == {1, 7}
    assert {run.seed for cell in built.tables["other"].cells for run in cell.runs} == {0, 1}
    assert {run.seed for cell in built.figures["mislas_reliability_cifar10"].cells for run in cell.runs} == {0, 1}
    on_digits = [run for run in built.runs if run.setting.dataset == "digits"]
    assert len(on_digits) == len(set(on_digits)) == 3 * 3


def test_two_stage_methods_stand_on_the_stage1_they_name(own_table: Callable[..., str]) -> None:
    runs = build(tables=[own_table()], figures=[], seeds={"runs": [4]}).runs

    assert {(run.method, run.classifier is not None, run.metrics) for run in runs} == {
        ("ce", False, "digits/if50/resnet32/ce/seed4/ce/metrics.json"),
        ("crt", True, "digits/if50/resnet32/ce/seed4/crt/metrics.json"),
        ("mislas", True, "digits/if50/resnet32/mixup/seed4/mislas/metrics.json"),
    }


def test_a_panel_may_have_a_factor_of_its_own(default: Plan) -> None:
    cells = default.figures["mislas_reliability_cifar10"].cells

    assert [cell.setting.imbalance for cell in cells[:2]] == ["if1", "if100"]
    assert (cells[0].label, cells[0].printed) == ("CE, balanced", {"top1": 93.2, "ece": 3.91})


def test_cells_that_cannot_run_say_what_they_need(own_table: Callable[..., str]) -> None:
    columns = [
        {"dataset": dataset, "factor": "natural", "backbone": backbone}
        for dataset, backbone in (("digits", "resnet32"), ("digits", "resnext50"), ("birds", "resnet32"))
    ]
    birds = {"title": "Birds", "needs": "somebody who watches birds"}
    table = build(
        tables=[own_table(columns=columns, rows=[{"method": "ce"}, {"method": "ssp"}])],
        figures=[],
        datasets={"birds": birds},
        methods={"ssp": {"label": "SSP", "paper": "x", "needs": "pre-training"}},
    ).tables["own"]
    ce, ssp = table.rows

    assert ce[0].needs is None
    assert ce[1].needs == "backbone resnext50"
    assert ce[2].needs == "somebody who watches birds"
    # Which backbone it would take, nobody knows yet.
    assert ssp[0].needs == ssp[1].needs == "pre-training"
    assert str(ssp[2].needs) == f"{ce[2].needs}; {ssp[0].needs}"
    assert [bool(cell.runs) for cell in table.cells] == [True, False, False, False, False, False]


def test_tau_is_required_for_a_set_that_leaves_no_image_out(own_table: Callable[..., str]) -> None:
    columns = [{**COLUMN, "factor": "natural"}]
    rows = [{"method": "tau_norm"}, {"method": "fixed"}]
    fixed = {"fixed": {"label": "τ = 1", "extends": "tau_norm", "post_hoc": {"tau": 1.0}}}
    built = build(tables=[own_table(columns=columns, rows=rows)], figures=[], methods=fixed)

    chosen, given = built.tables["own"].cells
    assert "a number as post_hoc.tau" in (chosen.needs or "")
    assert given.needs is None


@pytest.mark.parametrize(
    ("table", "needs"),
    [
        (
            "mislas_imagenet_lt",
            ["your copy of ImageNet-LT: set data_dir, train_list and test_list of data set imagenet_lt"],
        ),
        (
            "mislas_inaturalist2018",
            ["your copy of iNaturalist 2018: set data_dir, train_list and test_list of data set inaturalist2018"],
        ),
        (
            "mislas_places_lt",
            [
                "your copy of Places-LT: set data_dir, train_list and test_list of data set places_lt",
                "the weights that resnet152_last_block starts from: set pretrained of data set places_lt",
            ],
        ),
    ],
)
def test_cells_of_a_missing_large_data_set_say_that_it_is_needed(table: str, needs: list[str]) -> None:
    built = build(tables=[table], figures=[])

    assert built.runs == []
    for cell in built.tables[table].cells:
        method = built.registry.methods[cell.method]
        assert cell.needs == "; ".join([*needs, *([method["needs"]] if "needs" in method else [])])


def test_a_method_runs_on_the_backbones_that_it_has_forms_of(own_table: Callable[..., str]) -> None:
    columns = [{**COLUMN, "backbone": backbone} for backbone in ("resnet32", "resnet50", "resnet10")]
    standing = {"standing": {"label": "x", "paper": "x", "stage1": "bbn", "post_hoc": TAU_NORM}}
    rows = [{"method": "bbn"}, {"method": "standing"}, {"method": "balanced_softmax"}]
    table = build(tables=[own_table(columns=columns, rows=rows)], figures=[], methods=standing).tables["own"]

    wanted = "a form of resnet10 in stage1.backbones (there is one of resnet32, resnet50)"
    for row in table.rows[:2]:
        assert [cell.needs for cell in row] == [None, None, wanted]
    assert [bool(cell.needs) for cell in table.rows[2]] == [False, True, True]
    # The setting keeps the name that the table gives.
    assert {run.setting.backbone for run in table.cells[0].runs} == {"resnet32"}


def test_a_data_set_may_have_a_form_of_a_backbone_of_its_own(own_table: Callable[..., str]) -> None:
    override = {"dataset": "digits", "stage1": {"backbones": {"resnet10": "resnet10"}}}
    columns = [{**COLUMN, "dataset": dataset, "backbone": "resnet10"} for dataset in ("digits", "cifar100")]
    rows = [{"method": "balanced_softmax"}]
    own = {"balanced_softmax": {"overrides": [override]}}
    here, there = build(tables=[own_table(columns=columns, rows=rows)], figures=[], methods=own).tables["own"].cells

    assert here.needs is None
    assert there.needs == "a form of resnet10 in stage1.backbones (there is one of resnet32)"


@pytest.mark.parametrize("compute", [{"processes": 2}, {"micro_batches": 2}])
def test_a_part_that_requires_whole_batches_never_gets_parts_of_them(
    own_table: Callable[..., str], compute: dict[str, int]
) -> None:
    wanting = {"lade": "loss 'lade'", "tde": "head 'causal_norm'", "bbn": "algorithm 'bbn'"}
    wanting |= {"mcw_ldam": "algorithm 'mcw'", "metasaug": "algorithm 'metasaug'", "on_lade": "loss 'lade'"}
    rows = [{"method": method} for method in (*wanting, "ldam_drw", "smote", "ce")]
    methods = {"on_lade": {"label": "x", "paper": "x", "stage1": "lade", "post_hoc": TAU_NORM}}

    for given, alone in ((compute, False), ({}, True)):
        table = own_table(rows=rows)
        cells = build(tables=[table], figures=[], compute=given, methods=methods).tables["own"].cells
        for cell in cells:
            part = None if alone else wanting.get(cell.method)
            at_1 = "compute.processes and compute.micro_batches at 1"
            assert cell.needs == (part and f"{at_1}, as {part} wants whole batches"), cell.method
            assert bool(cell.runs) == (part is None)


@pytest.mark.parametrize("method", ["ce_drw", "ce_drs", "mcw_ldam", "standing"])
def test_a_recipe_that_a_data_set_exchanges_has_to_say_until_when(own_table: Callable[..., str], method: str) -> None:
    exchanged = {"digits": {"recipes": {"LDAM": "MiSLAS-S1", "Meta": "MiSLAS-S1"}}}
    standing = {"standing": {"label": "x", "paper": "x", "stage1": "ce_drw", "post_hoc": TAU_NORM}}
    table = own_table(rows=[{"method": method}])

    sentence = f"own.yaml: method '{method}' on digits: recipe 'MiSLAS-S1' lacks 'defer', .*: add it to the recipe$"
    with pytest.raises(InputError, match=sentence):
        build(tables=[table], figures=[], datasets=exchanged, methods=standing)
    assert build(tables=[table], figures=[], methods=standing).runs
    without = own_table(rows=[{"method": "ce_ldam"}])
    assert build(tables=[without], figures=[], datasets=exchanged).runs


@pytest.mark.parametrize("method", ["ce_drw", "ce_drs", "ldam_drw", "mcw_ldam", "standing"])
@pytest.mark.parametrize("epochs", [9, 8, 1])
def test_what_is_deferred_has_to_take_over_before_the_end(
    own_table: Callable[..., str], method: str, epochs: int
) -> None:
    """baselines on digits defer 9 of 12 epochs."""
    shorter = {"digits-baselines": {"epochs": epochs}}
    standing = {"standing": {"label": "x", "paper": "x", "stage1": "ce_drw", "post_hoc": TAU_NORM}}
    table = own_table(rows=[{"method": method}])

    sentence = (
        rf"recipe 'digits-baselines', key 'defer' is 9 of {epochs} epochs, so that the deferred part of the method "
        rf"never takes effect \(\S*own.yaml: method '{method}' on digits\): lower it, or raise epochs$"
    )
    with pytest.raises(InputError, match=sentence):
        build(tables=[table], figures=[], recipes=shorter, methods=standing)
    just = {"digits-baselines": {"epochs": 10}}
    assert build(tables=[table], figures=[], recipes=just, methods=standing).runs
    without = own_table(rows=[{"method": "focal"}, {"method": "balanced_softmax"}])
    assert build(tables=[without], figures=[], recipes=shorter).runs


def test_a_run_that_is_requested_twice_is_one_run(own_table: Callable[..., str]) -> None:
    once = build(tables=[own_table()], figures=[]).runs
    columns = [COLUMN, {**COLUMN, "factor": 1 / COLUMN["factor"]}]
    again, other = own_table(rows=2 * TABLE["rows"], columns=columns), own_table("other")

    assert build(tables=[again, other], figures=[]).runs == once
    assert len(set(once)) == len(once) > 0


def test_a_head_overridden_for_a_data_set_is_checked_for_methods_on_that_network(
    own_table: Callable[..., str],
) -> None:
    override = {"dataset": "digits", "stage1": {"head": {"name": "cosine", "scale": 16.0}}}
    own = {"ce": {"overrides": [override]}}

    with pytest.raises(
        InputError, match=r"method 'crt' on digits: 'ce' has the head 'cosine', but a method on a fin"
    ):
        build(tables=[own_table(rows=[{"method": "crt"}])], figures=[], methods=own)
    assert build(tables=[own_table(rows=[{"method": "ce"}])], figures=[], methods=own).runs


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """Where the images, lists and weights of Places-LT are; none of them is opened to make a plan."""
    (tmp_path / "images").mkdir()
    held = {"data_dir": str(tmp_path / "images")}
    for key in ("train_list", "test_list", "pretrained"):
        (tmp_path / key).touch()
        held[key] = str(tmp_path / key)
    return held


def test_a_large_data_set_that_is_there_runs(places: dict[str, str]) -> None:
    built = build(tables=["mislas_places_lt"], figures=[], seeds={"runs": [0]}, datasets={"places_lt": places})

    assert {(run.stage1, run.method) for run in built.runs} == {
        ("mixup", "crt_mixup"),
        ("mixup", "lws_mixup"),
        ("mixup", "mislas"),
    }
    assert {run.setting.folder for run in built.runs} == {"places_lt/natural/resnet152_last_block"}


def test_without_weights_the_frozen_backbone_is_not_trained(places: dict[str, str]) -> None:
    held = {key: value for key, value in places.items() if key != "pretrained"}
    built = build(tables=["mislas_places_lt"], figures=[], datasets={"places_lt": held})

    needed = {cell.needs for cell in built.tables["mislas_places_lt"].cells if cell.method == "mislas"}
    assert needed == {"the weights that resnet152_last_block starts from: set pretrained of data set places_lt"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"data_dir": "/nowhere"}, "key 'data_dir': there is no folder /nowhere: create it or correct the path"),
        ({"test_list": "/nowhere.txt"}, "key 'test_list': there is no file /nowhere.txt: correct the path"),
        ({"pretrained": "/nowhere.pth"}, "key 'pretrained': there is no file /nowhere.pth: correct the path"),
        (
            {"train_list": None},
            "lacks the key 'train_list': name the text file with a line `relative/path.jpg label` for",
        ),
        ({"data_dir": None}, "lacks the key 'data_dir': name the folder that the lists' paths start from"),
    ],
)
def test_a_data_set_of_lists_that_is_partly_there_is_refused(
    places: dict[str, str], changes: dict[str, str | None], sentence: str
) -> None:
    with pytest.raises(InputError, match=f"dataset 'places_lt'(, | ){sentence}"):
        build(tables=["mislas_places_lt"], figures=[], datasets={"places_lt": {**places, **changes}})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"rows": [{"method": "mislass"}]}, r"unknown method 'mislass': did you mean 'mislas'\?"),
        ({"columns": [{**COLUMN, "dataset": "digit"}]}, r"unknown data set 'digit': did you mean 'digits'\?"),
        ({"columns": [{**COLUMN, "factor": 0}]}, r"factor 0 is not allowed: write 100 or 0\.01"),
        ({"columns": [{**COLUMN, "factor": None}]}, r"factor None is not allowed: write 100 or 0\.01"),
        ({"rows": [{"method": "ce", "printed": [[1.0], [2.0]]}]}, r"row 'ce' has 2 printed cells for 1 columns"),
        ({"rows": [{"method": "ce", "printed": [[1.0, 2.0, 3.0]]}]}, r"row 'ce' prints \[1\.0, 2\.0, 3\.0\] in one"),
        ({"seeds": []}, r"key 'seeds' is \[\], which is not allowed: the seeds of its runs .* at least 1 long"),
        ({"seeds": [2, 2]}, r"key 'seeds' is \[2, 2\], which is not allowed: .* without repetition"),
        ({"rows": []}, r"key 'rows' is \[\], which is not allowed: methods, top to bottom"),
    ],
)
def test_a_mistake_in_a_table_names_its_file(
    own_table: Callable[..., str], changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=rf"own\.yaml: {sentence}"):
        build(tables=[own_table(**changes)], figures=[])


def test_two_tables_of_one_name_are_refused(own_table: Callable[..., str]) -> None:
    with pytest.raises(InputError, match="key 'tables': two of them are called 'own': rename the file of one"):
        build(tables=[own_table(), own_table("folder/own")], figures=[])


def test_a_table_whose_name_makes_no_path_is_refused(own_table: Callable[..., str]) -> None:
    with pytest.raises(InputError, match="key 'tables': rename the file of 'my table'"):
        build(tables=[own_table("my table")], figures=[])


@pytest.mark.parametrize(
    ("data_dir", "sentence"),
    [
        (None, "dataset 'birds' lacks the key 'data_dir': name the folder that holds train/ and test/"),
        (
            "/nowhere/birds",
            "dataset 'birds', key 'data_dir': there is no folder /nowhere/birds: create it or correct",
        ),
    ],
)
def test_a_data_set_without_its_folder_is_refused(
    own_table: Callable[..., str], data_dir: str | None, sentence: str
) -> None:
    table = own_table(columns=[{**COLUMN, "dataset": "birds"}])

    with pytest.raises(InputError, match=sentence):
        build(
            tables=[table], figures=[], datasets={"birds": {"title": "Birds", "kind": "folder", "data_dir": data_dir}}
        )


def test_a_folder_that_nothing_uses_may_be_missing(own_table: Callable[..., str]) -> None:
    birds = {"title": "Birds", "kind": "folder", "data_dir": "/nowhere/birds"}

    assert build(tables=[own_table()], figures=[], datasets={"birds": birds}).runs


class TestLeftOut:
    """missing_networks: leave_out."""

    CE, MIXUP = "digits/if50/resnet32/ce/seed1", "digits/if50/resnet32/mixup/seed0"

    @pytest.fixture
    def built(self, own_table: Callable[..., str]) -> Plan:
        named = {folder: {"source": "far", "sha256": "0" * 64} for folder in (self.CE, self.MIXUP)}
        own = {"tables": [own_table()], "figures": [], "seeds": {"runs": [0, 1]}, "stage1": named}
        return build(missing_networks="leave_out", **own)

    def test_runs_without_a_network_are_left_out(self, built: Plan) -> None:
        assert [run.metrics for run in built.runs] == [
            f"{self.CE}/ce/metrics.json",
            f"{self.CE}/crt/metrics.json",
            f"{self.MIXUP}/mislas/metrics.json",
        ]

    def test_they_stay_requested(self, built: Plan) -> None:
        assert {run.folder for run in built.requested} == {
            f"digits/if50/resnet32/{name}/seed{seed}" for name in ("ce", "mixup") for seed in (0, 1)
        }
        assert len(built.requested) == 6

    def test_a_panel_of_two_methods_is_left_out_where_one_has_no_network(self, tmp_path: Path) -> None:
        pairs = [{"left": "crt", "right": "mislas"}, {"left": "mixup", "right": "mislas"}]
        figure = {"kind": "probabilities", "title": "x", **COLUMN, "panels": pairs}
        (tmp_path / "pairs.yaml").write_text(yaml.safe_dump(figure))
        own = {"tables": [], "figures": [str(tmp_path / "pairs.yaml")], "seeds": {"runs": [0]}}
        named = {self.MIXUP: {"source": "far", "sha256": "0" * 64}}

        built = build(missing_networks="leave_out", stage1=named, **own)

        assert [len(cell.runs) for cell in built.figures["pairs"].cells] == [0, 0, 1, 1]
        assert {run.method for run in built.requested} == {"crt", "mixup", "mislas"}

    def test_a_setting_without_a_network_makes_nothing(self, own_table: Callable[..., str]) -> None:
        built = build(missing_networks="leave_out", tables=[own_table()])

        assert (built.runs, built.settings) == ([], [])
        assert all(not cell.runs and cell.needs is None for cell in built.tables["own"].cells)
