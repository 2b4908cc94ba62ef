"""The two YAML files for data of one's own: the configuration with the data set, and the table of methods."""

from pathlib import Path

from longtail.runtime import files
from longtail.runtime.errors import InputError
from longtail.runtime.fingerprint import ROOT
from longtail.survey.images import Images

# Classes with fewer training examples give none to a validation split.
LEAST_FOR_VALIDATION = 10
# A network of this side that is in the repository.
CIFAR_SIDE = 32
CIFAR_NETWORK = ROOT / "results/published/networks/runs/cifar100_exact/if100/resnet32/ce/seed0/stage1"
IMAGE_ROWS = ("ce", "crt", "lws", "mixup", "crt_mixup", "mislas")
TITLE_ROWS = ("ce", "crt", "lws", "balanced_softmax", "ladc_text")


def of_images(name: str, root: Path, found: Images) -> dict[str, str]:
    """The files for a folder of images, by name."""
    keys = [
        f"title: {_quoted(_title(name))}",
        "kind: folder",
        f"data_dir: {_quoted(str(root))}",
        f"image_size: {found.image_size}",
    ]
    if found.tracks:
        keys.append(f"group: {_quoted(found.tracks.rule)}  # images that show the same thing: no split divides them")
        keys.append("# group_images: 3  # of each group at most so many, which are near copies: trains faster")
    keys += _validation(min(found.counts["train"]))
    keys += [
        "preprocessing:",
        "  flip: true  # false if left and right differ, as on signs and letters",
        f"  mean: {found.mean}",
        f"  std: {found.std}",
    ]
    return _files(name, keys, IMAGE_ROWS, "resnet32", _weights(found.image_size))


def of_titles(name: str, root: Path, train: str, test: str, validation: str | None) -> dict[str, str]:
    """The files for titles: `train`, `test` and `validation` are the names of files in `root`."""
    named = f"train: [{_quoted(train)}], test: [{_quoted(test)}]"
    named += f", validation: [{_quoted(validation)}]" if validation else ""
    keys = [
        f"title: {_quoted(_title(name))}",
        "kind: titles",
        f"data_dir: {_quoted(str(root))}",
        f"titles: {{{named}}}",
    ]
    return _files(name, keys, TITLE_ROWS, "textcnn", [])


def write(folder: Path, contents: dict[str, str], force: bool) -> list[Path]:
    """Write the files into a folder. Raises InputError if one exists and `force` is not set: none is written then."""
    paths = [folder / name for name in contents]
    if not force and (known := [path for path in paths if path.exists()]):
        raise InputError(f"{known[0]} exists already: add --force to replace it, or choose another --name")
    for path, text in zip(paths, contents.values(), strict=True):
        files.write_text(path, text)
    return paths


def _weights(image_size: int) -> list[str]:
    """The lines that propose to start from trained weights: of CIFAR-100-LT for small images, else of ImageNet."""
    if image_size == CIFAR_SIDE:
        backbone = f"resnet32_cifar100: {{backbone: resnet32, weights: {_quoted(str(CIFAR_NETWORK))}}}"
    else:
        backbone = "resnet18_imagenet: {backbone: resnet18, weights: IMAGENET1K_V1}"
    name = backbone.partition(":")[0]
    return [
        f"# Few images learn more from trained weights (docs/trained-weights.md): `backbone: {name}` in the table.",
        f"backbones: {{{backbone}}}",
    ]


def _files(name: str, keys: list[str], rows: tuple[str, ...], backbone: str, more: list[str]) -> dict[str, str]:
    listed = "".join(f"    {key}\n" for key in keys)
    methods = "".join(f"  - {{method: {row}}}\n" for row in rows)
    return {
        f"{name}.yaml": (
            f"# Written by `longtail init`; config/README.md explains every key.\n"
            f"tables: [{name}_table.yaml]\nfigures: []\nseeds: {{runs: [0, 1, 2]}}\n"
            f"{''.join(f'{line}{chr(10)}' for line in more)}datasets:\n  {name}:\n{listed}"
        ),
        f"{name}_table.yaml": (
            f"title: {_quoted(_title(name))}\nmetrics: [top1, ece, many, medium, few]\n"
            f"columns:\n  - {{dataset: {name}, factor: natural, backbone: {backbone}}}\n"
            f"# docs/methods.md lists all methods.\nrows:\n{methods}"
        ),
    }


def _validation(smallest: int) -> list[str]:
    if smallest < LEAST_FOR_VALIDATION:
        return [f"# validation: 0.1  # left out: the smallest class has {smallest} training images"]
    return ["validation: 0.1  # of the training images: to calibrate, and for methods that choose a setting"]


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _quoted(text: str) -> str:
    """A text in single quotes, in which YAML has no escapes."""
    return "'" + text.replace("'", "''") + "'"
