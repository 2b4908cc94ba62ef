"""The shipped tables: every cell could run if its data were there."""

from longtail import imbalance
from longtail.config import load, methods, recipes, settings
from longtail.config.registry import CONFIG, Registry

TABLES = sorted(path.stem for path in (CONFIG / "tables").glob("*.yaml"))


def test_rows_with_deferred_parts_have_recipes_with_defer(shipped: Registry) -> None:
    for name in TABLES:
        table = load.definition("table", load.locate("table", name))
        for row in table["rows"] if table["kind"] == "methods" else []:
            # A method of a configuration of its own, such as config/gtsrb.yaml, is not among the shipped ones.
            method = shipped.methods.get(row["method"], {"needs": "its configuration"})
            if "needs" in method:
                continue
            stage1 = methods.stage1_of(method, row["method"])
            # The JPEG copies of CIFAR-10 are a data set of config/cifar10_jpeg_*.yaml alone.
            for column in (column for column in table["columns"] if column["dataset"] in shipped.datasets):
                factor = imbalance.slug(column["factor"], name)
                block = settings.stage1(shipped, column["dataset"], factor, column["backbone"], stage1, seed=0)
                where = f"{name}: {row['method']} on {column['dataset']}"
                recipes.check_defer(block, block["recipe"], where)
                recipes.check_deferral(shipped, block, where)
