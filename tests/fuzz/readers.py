"""Every reader of files that a person, another machine or an interrupted job may leave damaged.

`make` writes files that the reader takes into the working directory; `read` reads them again, and asserts what must
hold of whatever it takes. The files are damaged in between.
"""

import csv
import io
import json
import logging
import pickle
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image
from tests import elsewhere, small
from tests.engine import toy
from tests.small_settings import plain

from longtail.config import build, command_line, schema, strict_yaml
from longtail.config.blame import THE_CONFIG
from longtail.config.plan import Setting
from longtail.data import arrays, decode, long_tail, vocabulary
from longtail.data.forms.images import Arrays
from longtail.data.sources import cifar, folder, image_list, thucnews, titles
from longtail.engine import checkpoint, step
from longtail.engine.progress import Progress, copied_state
from longtail.engine.resume import Resume
from longtail.graph.costs import TrainingJob
from longtail.overview import progress, states
from longtail.report import origin
from longtail.results import RUNS
from longtail.runtime.errors import InputError
from longtail.stage1 import imported


@dataclass(frozen=True)
class Reader:
    """One reader. Of `inputs` damaged ones in the test suite, some are taken and some refused."""

    inputs: int
    make: Callable[[], None]
    read: Callable[[], None]
    takes: bool = True
    refuses: bool = True


# Files of titles and lists of images, below `data_dir`.

SETTINGS = {"vocabulary": None, "vectors": None, "dimensions": 2, "length": 4, "validation_per_class": 0}
TABBED = "good news\t1\nbad, news\t2\ncafé\t1\nodd “news”\t3\nbad luck\t2\n"
COMMAS = 'id,text,label\n7,"good, news",1\n8,"bad\nnews",2\n9,odd,3\n10,"a ""b""",2\n'
NAMED = "good news\tlow\nbad, news\tmiddle\ncafé\tlow\nodd\thigh\n"
LISTED = ("a/1.jpg 1\nb/2 3.jpg 2\nc/4.jpg\t3\na/5.jpg 1\n", "a/6.jpg 1\nb/7.jpg 2\n")
SETS = {"train": "train_images", "test": "test_images"}


def _labels(content: bytes, form: str) -> list[str]:
    """The label of every line with data in it, found without the code that is tested."""
    text = content.decode("utf-8-sig")
    if form == ".csv":
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if "".join(row).strip()]
        place = [name.strip().lower() for name in rows[0]].index("label")
        return [row[place].strip() for row in rows[1:]]
    lines = [line for line in text.split("\n") if line.strip()]
    rows = [line.split("\t") if form == ".txt" else line.rsplit(maxsplit=1) for line in lines]
    head = ["text" if form == ".txt" else "path", "label"]
    return [row[-1].strip() for row in rows if [name.strip().lower() for name in row] != head]


def _in_order(label: str) -> tuple[bool, Any]:
    return (False, int(label)) if label.isdecimal() else (True, label)


def _make_titles(form: str, text: str) -> None:
    for split in ("train", "test"):
        Path(split + form).write_text(text)


def _read_titles(form: str) -> None:
    wanted = {**SETTINGS, "train": [f"train{form}"], "validation": [], "test": [f"test{form}"], "classes": None}
    found = titles.build(Path(), wanted, False)
    trained, tested = (_labels(Path(split + form).read_bytes(), form) for split in ("train", "test"))
    assert [found.classes[number] for number in found.train_labels] == trained
    assert [found.classes[number] for number in found.test_labels] == tested
    assert found.classes == sorted(set(trained), key=_in_order)
    assert (len(found.train_titles), len(found.test_titles)) == (len(trained), len(tested))


def _make_named_titles() -> None:
    Path("train.txt").write_text(NAMED)
    Path("classes.txt").write_text("low\nmiddle\nhigh\n")


def _read_named_titles() -> None:
    wanted = SETTINGS | {"train": ["train.txt"], "validation": [], "test": ["train.txt"], "classes": "classes.txt"}
    found = titles.build(Path(), wanted, False)
    names = [line.strip() for line in Path("classes.txt").read_bytes().decode("utf-8-sig").split("\n")]
    names = [name for name in names if name]
    by_number = [str(number) for number in range(len(names))]
    labels = _labels(Path("train.txt").read_bytes(), ".txt")
    assert found.classes == names
    assert labels in ([words[number] for number in found.train_labels] for words in (names, by_number))


def _make_list() -> None:
    for name, text in zip(("train.lst", "test.lst"), LISTED, strict=True):
        Path(name).write_text(text)
        for line in text.splitlines():
            image = Path(line.rsplit(maxsplit=1)[0])
            image.parent.mkdir(exist_ok=True)
            image.write_bytes(b"not opened")


def _read_list() -> None:
    found = image_list.read({"data_dir": ".", "train_list": "train.lst", "test_list": "test.lst"}, None)
    labels = {key: _labels(Path(f"{key}.lst").read_bytes(), ".lst") for key in ("train", "test")}
    first = min(map(int, labels["train"]))
    assert first in (0, 1)
    assert (found.train_labels + first).tolist() == list(map(int, labels["train"]))
    assert (found.test_labels + first).tolist() == list(map(int, labels["test"]))
    assert all(Path(file).is_file() for file in (*found.train_files, *found.test_files))


def _make_vocabulary() -> None:
    characters = ["a", "b", "é", vocabulary.UNKNOWN, vocabulary.PADDING]
    Path("vocabulary.txt").write_text("".join(f"{character}\n" for character in characters))
    Path("vocabulary.pkl").write_bytes(pickle.dumps({character: n for n, character in enumerate(characters)}))
    np.savez("vectors.npz", embeddings=_vectors())


def _vectors() -> Any:
    return np.random.default_rng(0).standard_normal((5, 3))


def _read_vocabulary() -> None:
    for name in ("vocabulary.txt", "vocabulary.pkl"):
        found = vocabulary.read(Path(name))
        assert sorted(found.values()) == list(range(len(found)))
        assert all(isinstance(key, str) and type(number) is int for key, number in found.items())
        read = vocabulary.vectors(Path("vectors.npz"), found, Path(name))
        assert np.array_equal(read, _vectors().astype(np.float32))


# Images, and folders of them.


def _picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 8, 3), dtype=np.uint8))


def _make_images() -> None:
    for kind in ("png", "jpg", "gif", "bmp", "webp", "ppm", "tga", "jp2"):
        _picture().save(f"image.{kind}")
    _picture().save("image.tif", compression="tiff_lzw")
    Image.fromarray(np.arange(0, 65535, 1000, dtype=np.uint16).reshape(6, 11)).save("deep.png")
    Image.fromarray(np.linspace(0, 1, 60, dtype=np.float32).reshape(6, 10)).save("float.tif")


def _read_images() -> None:
    for path in sorted(Path().iterdir()):
        if not path.is_file():
            raise InputError(f"{path}: no file")  # which a listing tells
        found = decode.rgb(path)
        assert found.mode == "RGB"
        assert np.asarray(found).shape == (found.height, found.width, 3)


def _make_tree() -> None:
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            Path(split, name).mkdir(parents=True)
            for number in range(2):
                _picture().save(Path(split, name, f"{number}.png"))


def _read_tree() -> None:
    found = folder.read({"data_dir": ".", "streamed": False, "image_size": 8}, None)
    assert isinstance(found, Arrays)
    assert found.classes == ["cat", "dog"]
    assert found.train_images.shape == (len(found.train_labels), 8, 8, 3)
    assert len(found.train_labels) == sum(path.is_file() for path in Path("train").glob("*/*.png"))


# Archives and files of known content: whatever is changed in them is refused.


ARCHIVES = {"cifar-10-binary.tar.gz": cifar, "cifar-10-python.tar.gz": cifar, "thucnews.tar.gz": thucnews}


def _make_archives() -> None:
    import torchvision.datasets  # noqa: F401 - this takes seconds, and must not count as those of reading

    Path("batch.bin").write_bytes(bytes(3073))
    for name in ARCHIVES:
        with tarfile.open(name, "w:gz") as packed:
            packed.add("batch.bin", "cifar-10-batches-bin/data_batch_1.bin")
    Path("batch.bin").unlink()


def _read_archives() -> None:
    said = []
    for name, source in ARCHIVES.items():
        try:
            source.read({"titles": {"length": 4}}, name)
        except InputError as error:
            said.append(str(error))
    assert len(said) == len(ARCHIVES)
    raise InputError("; ".join(said))


# YAML.

YAML = """# A configuration
title: Birds
seeds: {runs: [0, 1], subset: 0x10}
rates: [0.1, 1.0e-3, -.5, .inf, 1e-3]
text: "yes, quoted"
base: &base
  kind: folder
  streamed: true
  size: null
more:
  <<: *base
  note: |
    two
    lines
  list:
    - a
    - {b: c}
"""


def _make_yaml() -> None:
    Path("mine.yaml").write_text(YAML)


def _read_yaml() -> None:
    found = schema.read_yaml(Path("mine.yaml"))
    assert _equal(found, _plain_yaml(Path("mine.yaml").read_bytes().decode("utf-8-sig")) or {})


def _plain_yaml(text: str) -> Any:
    """The value without strict_yaml's checks; PyYAML's parser in Python takes other tabs and byte order marks."""
    return yaml.load(text, strict_yaml.LOADER)


def _equal(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)  # in which nan equals itself, and 1 is neither 1.0 nor true


CONFIG = """tables: [own.yaml]
figures: []
seeds: {runs: [0, 1]}
evaluation: {bins: 10, also: [20]}
compute: {threads: 2, precision: float32}
datasets:
  birds:
    title: Birds
    kind: folder
    data_dir: birds
    image_size: 8
    preprocessing: {mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2], flip: true}
    recipes: {MiSLAS-S1: quick}
methods:
  mine: {label: Mine, extends: mislas, stage2: {loss: {form: linear}}}
recipes:
  quick: {epochs: 3, batch_size: 2, batches: ceil, learning_rate: 0.1, momentum: 0.9, nesterov: false,
    weight_decay: 5.0e-4, schedule: {kind: step, warmup: 0, warmup_from: 0, milestones: [2], factor: 0.1},
    evaluate: {every: 1, each_from: 1}}
"""
TABLE = """title: Own
source: nobody
metrics: [top1, ece]
columns:
  - {dataset: birds, factor: 10, backbone: resnet32}
  - {dataset: digits, factor: natural, backbone: resnet32}
rows:
  - {method: mine, printed: [[1.5, 2.0], null]}
  - {method: ce}
"""


def _make_config() -> None:
    Path("mine.yaml").write_text(CONFIG)
    Path("own.yaml").write_text(TABLE)
    Path("birds").mkdir()
    for name in ("train/cat", "train/dog", "test/cat", "test/dog"):
        Path("birds", name).mkdir(parents=True)
        Path("birds", name, "1.png").write_bytes(b"not opened")


def _read_config() -> None:
    own = Path("mine.yaml")
    content = schema.read_yaml(own)
    try:
        found = build.build(content, [own])
    except InputError as error:
        # A key that is in no file as it is printed, such as one with a line break, is blamed on none.
        raise InputError(str(error).replace(THE_CONFIG, "mine.yaml", 1)) from None
    assert set(content.get("datasets") or {}) <= set(found.registry.datasets)
    json.dumps([vars(run.setting) for run in found.runs], allow_nan=False)


def _make_command_line() -> None:
    Path("words").write_text("8 1.5 true null text [0,1] {a:1} 1.0e-3 '007' 12:30")


def _read_command_line() -> None:
    """Words of a command line, which hold neither NUL nor, here, white space."""
    words = Path("words")
    if not words.is_file():
        raise InputError("words: no file")
    for word in words.read_bytes().replace(b"\0", b"").decode("utf-8", "surrogateescape").split():
        try:
            (found,) = command_line.typed({"key": word}).values()
        except InputError as error:
            raise InputError(f"words: {error}") from None
        assert isinstance(found, str | int | float | bool | None)
        assert found == word or _equal(found, _plain_yaml(word))


# What jobs leave behind.


def _make_checkpoint() -> None:
    checkpoint.save("last.pt", _state())


def _state() -> dict[str, Any]:
    return {
        "weight": torch.arange(200.0),
        "bias": torch.ones(3, dtype=torch.float64),
        "rates": [0.1, None, 3],
    }


def _read_checkpoint() -> None:
    found = checkpoint.load("last.pt")
    assert repr(found) == repr(_state())
    assert torch.equal(found["weight"], _state()["weight"])


IDENTITY = {"settings": "s", "code": "c"}


def _make_resume() -> None:
    learner, progress = toy.Learner(), Progress()
    one = step.make(learner)
    for number, batch in enumerate(learner.batches(learner.epoch(1)), start=1):
        progress.losses.append(one(batch))
        if number == 2:
            break
    progress.best_state = copied_state(learner.module)
    Resume(Path("resume.pt"), IDENTITY).save(learner, progress)
    torch.save({"learner": _everything(learner, progress)}, "../resumed.pt")


def _everything(learner: Any, progress: Progress) -> str:
    torch.set_printoptions(profile="full", precision=9)
    record = repr((learner.module.state_dict(), learner.optimizer.state_dict(), vars(progress)))
    torch.set_printoptions(profile="default")
    return record


class _Warnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def _read_resume() -> None:
    """A training goes on exactly, or says in a sentence that it begins anew, and does."""
    learner, warned, log = toy.Learner(seed=1), _Warnings(), logging.getLogger("longtail.engine.resume")
    log.addHandler(warned)
    log.propagate = False
    try:
        resumed = Resume(Path("resume.pt"), IDENTITY).restore(learner)
    finally:
        log.removeHandler(warned)
        log.propagate = True
    if resumed.losses:
        assert not warned.said
        assert _everything(learner, resumed) == torch.load("../resumed.pt", weights_only=True)["learner"]
        return
    assert _everything(learner, resumed) == _everything(toy.Learner(seed=1), Progress())
    if warned.said:
        (sentence,) = warned.said
        raise InputError(sentence)
    assert not Path("resume.pt").exists()


def _make_imported() -> None:
    elsewhere.trained(Path("stage1"), plain(small.STAGE1))


def _read_imported() -> None:
    source = Path("stage1")
    record = imported.read_record(source, "mine.yaml")
    imported.check_settings(record, plain(small.STAGE1), source, "mine.yaml")
    imported.check_images(record, elsewhere.SEEN, source, "mine.yaml")
    imported.check_checkpoints(source, "mine.yaml")
    origin.sentences("nobody", [0], [record])
    for name, value in (("last.pt", 1.0), ("best.pt", 2.0)):
        assert torch.equal(checkpoint.load(source / name)["weight"], torch.full((3,), value))


def _make_arrays() -> None:
    arrays.save("arrays.npz", _arrays())
    long_tail.save("subset.json", _subset())


def _arrays() -> Arrays:
    images = np.random.default_rng(0).integers(0, 256, (6, 2, 2, 3), dtype=np.uint8)
    labels = np.array([0, 1, 0, 1, 0, 1])
    return Arrays(images, labels, images[:4], labels[:4], ["cat", "dog"])


def _subset() -> long_tail.Subset:
    return long_tail.Subset(np.array([4, 2, 1]), [2, 1], {"train": "7a", "test": "7e"})


def _read_arrays() -> None:
    found, expected = arrays.load("arrays.npz"), _arrays()
    for name, value in vars(expected).items():
        assert np.array_equal(getattr(found, name), value)
        assert np.asarray(getattr(found, name)).dtype == np.asarray(value).dtype
    subset = long_tail.load("subset.json")
    assert np.array_equal(subset.indices, _subset().indices)
    assert subset.counts == _subset().counts
    assert all(isinstance(text, str) for pair in subset.content.items() for text in pair)


TRAINING = TrainingJob(
    "digits/if10/resnet32/ce/seed0/stage1", "stage1", Setting("digits", "if10", "resnet32"), {}, "c", 9, 8
)
PROGRESS = {"epoch": 2, "loss": 1.5, "test_top1": 0.5, "images_per_second": 90.0, "seconds_left": 7.5}
PROGRESS |= {"learning_rate": 0.1, "updated": 1000.0, "pid": 1, "host": "far", "epochs": 4}


def _make_state() -> None:
    place = Path(RUNS, TRAINING.folder)
    place.mkdir(parents=True)
    (place / "progress.json").write_text(json.dumps(PROGRESS))
    states.log(TRAINING).parent.mkdir(parents=True)
    states.log(TRAINING).write_text("10:00:00 epoch 1/4\n10:00:09 epoch 2/4\n")


def _read_state() -> None:
    found = states.look(TRAINING, 1010.0)
    assert found.kind in states.KINDS
    assert 0 <= found.left <= 1
    assert (found.seconds_left(1010.0) or 0.0) >= 0.0
    if found.kind == states.RUNNING:
        progress._running(TRAINING, found, 1010.0)


def _make_finished() -> None:
    _make_state()
    record = {"settings": {"a": {"b": 1}}, "code": "c", "imported": {}}
    for name in states.OUTPUTS:
        Path(RUNS, TRAINING.folder, name).write_text(json.dumps(record))


READERS = {
    "titles": Reader(200, lambda: _make_titles(".txt", TABBED), lambda: _read_titles(".txt")),
    "csv": Reader(200, lambda: _make_titles(".csv", COMMAS), lambda: _read_titles(".csv")),
    "named_titles": Reader(200, _make_named_titles, _read_named_titles),
    "image_list": Reader(200, _make_list, _read_list),
    "vocabulary": Reader(200, _make_vocabulary, _read_vocabulary),
    "images": Reader(200, _make_images, _read_images),
    "image_tree": Reader(100, _make_tree, _read_tree),
    "archives": Reader(50, _make_archives, _read_archives, takes=False),
    "yaml": Reader(400, _make_yaml, _read_yaml),
    "config": Reader(40, _make_config, _read_config),
    "command_line": Reader(200, _make_command_line, _read_command_line),
    "checkpoint": Reader(200, _make_checkpoint, _read_checkpoint),
    "resume": Reader(200, _make_resume, _read_resume),
    "imported": Reader(200, _make_imported, _read_imported),
    "arrays": Reader(200, _make_arrays, _read_arrays),
    "state": Reader(200, _make_state, _read_state, refuses=False),
    "finished": Reader(100, _make_finished, _read_state, refuses=False),
}
