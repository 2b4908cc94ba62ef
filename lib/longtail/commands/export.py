"""Write a finished run as one model file that predicts."""

import argparse
from pathlib import Path
from typing import Any

from longtail.commands import _checkout
from longtail.config import layers, load, settings
from longtail.config.registry import CONFIG
from longtail.runtime.arguments import add_configfile
from longtail.runtime.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, the file to write, and the configuration of a data set of one's own."""
    parser.add_argument("run", type=Path, metavar="RUN", help="the folder of a method's run, below results/runs")
    parser.add_argument(
        "--to", type=Path, metavar="FILE", help="the file to write (default: here, named after the run)"
    )
    parser.add_argument(
        "--selection",
        default="last",
        choices=["last", "best"],
        help="the last epoch (default) or the best on the test set",
    )
    parser.add_argument("--onnx", action="store_true", help="write FILE.onnx beside it, and check it")
    add_configfile(parser)


def run(options: argparse.Namespace) -> None:
    """Write the model and say what it is."""
    _checkout.require()
    # Torch takes seconds to import, and is not needed to refuse a wrong folder.
    from longtail.deploy import run as runs

    found = runs.find(options.run, options.selection)
    target = options.to or Path(f"{'-'.join(found.name.split('/'))}-{found.selection}.safetensors")
    if target.suffix != ".safetensors":
        raise InputError(f"--to is {target}: give the file a name that ends in .safetensors")
    facts = _facts(options.configfile, found.dataset, found.method)
    from longtail.deploy import export, summary

    model = export.model(found, facts)
    made = []
    if options.onnx:
        from longtail.deploy import onnx

        made = [onnx.save(target.with_suffix(".onnx"), model)]
    export.save(target, model)
    print("\n".join([f"{target} ({target.stat().st_size / 1e6:.1f} MB)", *made, *summary.lines(model.card)]))


def _facts(configfile: list[Path], dataset: str, method: str) -> Any:
    """What the configuration says of a data set and a method, as far as it knows them."""
    from longtail.deploy.export import Facts

    files = [CONFIG / "config.yaml", *configfile]
    registry = load.load(layers.read(files), files)
    data, of_method = registry.datasets.get(dataset), registry.methods.get(method, {})
    keys = ("label", "paper", "about", "calibration")
    described = {key: of_method[key] for key in keys if key in of_method}
    if data is None:
        return Facts(method=described)
    place = settings.place(registry, dataset) if "kind" in data else {}
    known = {key: data[key] for key in ("title", "licence")}
    return Facts(known, described, str(place.get("data_dir", "")))
