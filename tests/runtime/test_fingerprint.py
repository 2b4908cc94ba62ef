import shutil
from pathlib import Path

import pytest

from longtail.runtime import fingerprint as module
from longtail.runtime.fingerprint import ROOT, fingerprint

STAGE1 = ("train_stage1", "models.resnet32", "losses.cross_entropy")


@pytest.fixture
def copy(tmp_path, monkeypatch) -> Path:
    """A copy of the code, which the fingerprints of this test are taken of."""
    for folder in ("lib", "workflow_scripts"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "LIB", tmp_path / "lib" / "longtail")
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    for remembered in (module._tree, module._meaning, module._imports):
        remembered.cache_clear()


def edit(copy: Path, file: str, old: str, new: str) -> None:
    path = copy / file
    text = path.read_text()
    assert text.count(old) == 1, f"{file} has changed: this test edits {old!r}"
    path.write_text(text.replace(old, new))
    forget()


LOOP = "lib/longtail/engine/loop.py"
RESNET = "lib/longtail/models/resnet32.py"
SCRIPT = "workflow_scripts/train_stage1.py"


def test_place_of_the_checkout_does_not_matter(copy, monkeypatch):
    inside = fingerprint(*STAGE1)
    elsewhere = copy / "deeper"
    elsewhere.mkdir()
    for folder in ("lib", "workflow_scripts"):
        shutil.move(copy / folder, elsewhere / folder)
    monkeypatch.setattr(module, "ROOT", elsewhere)
    monkeypatch.setattr(module, "LIB", elsewhere / "lib" / "longtail")
    forget()
    assert fingerprint(*STAGE1) == inside
    assert len(inside) == 12


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (LOOP, "CHECK_SECONDS = 1.0\n", "CHECK_SECONDS = 1.0  # steps\n\n\n# and more\n"),
        (LOOP, '"""The training loop: epochs, ', '"""Another loop: epochs, '),
        (LOOP, '"""What is checked while', '"""A class docstring: what is checked while'),
        (RESNET, '        """Images [B, C, H, W] to non-negative features [B, 64]."""\n', ""),
        (RESNET, '    feature_dim = 64\n\n    def __init__(self, channels: int) -> None:\n',
         '    feature_dim = 64\n\n    def __init__(self, channels: int) -> None:\n        """New docstring."""\n'),
        (RESNET, "self.extra = (planes - planes_in) // 2", "self.extra = ((planes - planes_in)\n            // 2)"),
        (RESNET, '"""A ResNet-32 with every', "'''A ResNet-32, every"),
        (SCRIPT, "import json\n", "# A comment.\nimport json\n"),
    ],
)  # fmt: skip
def test_words_and_layout_do_not_count(copy, file, old, new):
    before = fingerprint(*STAGE1)
    if new.startswith("'''"):
        edit(copy, file, '(fan_in, gain √2)."""', "(fan_in, gain √2).'''")
    edit(copy, file, old, new)
    assert fingerprint(*STAGE1) == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (LOOP, "CHECK_SECONDS = 1.0", "CHECK_SECONDS = 1.5"),
        (LOOP, "if self.asked():", "if not self.asked():"),
        (RESNET, "planes - planes_in) // 2", "planes - planes_in) // 4"),
        ("lib/longtail/losses/cross_entropy.py", 'reduction="none"', 'reduction="mean"'),
        ("lib/longtail/engine/seeding.py", "MIXING = 3", "MIXING = 4"),  # imported by what is imported
        ("lib/longtail/runtime/parts.py", "folder = LIB.joinpath", "folder = LIB.with_name"),
        (SCRIPT, "subset.sha256", "subset"),
    ],
)
def test_code_counts(copy, file, old, new):
    before = fingerprint(*STAGE1)
    edit(copy, file, old, new)
    assert fingerprint(*STAGE1) != before


@pytest.mark.parametrize(
    "file",
    [
        "lib/longtail/report/style.py",
        "lib/longtail/evaluate/scores.py",
        "lib/longtail/stage2/train.py",
        "lib/longtail/losses/label_aware_smoothing.py",
        "lib/longtail/data/sources/cifar.py",
        "lib/longtail/config/plan.py",
        "workflow_scripts/evaluate.py",
    ],
)
def test_code_that_is_not_used_does_not_count(copy, file):
    before = fingerprint(*STAGE1)
    path = copy / file
    path.write_text(path.read_text() + "\nMORE = 1\n")
    forget()
    assert fingerprint(*STAGE1) == before


def test_new_part_does_not_count(copy):
    before = fingerprint(*STAGE1)
    (copy / "lib/longtail/losses/my_own.py").write_text("GAMMA = 2\n")
    forget()
    assert fingerprint(*STAGE1) == before


def test_parts_and_scripts_differ(copy):
    names = [
        STAGE1,
        (*STAGE1[:2], "losses.label_aware_smoothing"),
        STAGE1[:2],
        ("train_stage2", *STAGE1[1:]),
    ]
    assert len({fingerprint(*name) for name in names}) == len(names)


def test_part_brings_its_imports_along(copy):
    before = fingerprint("train_stage1", "losses.label_aware_smoothing")
    edit(copy, "lib/longtail/smoothing.py", "3 * np.pi / 2", "5 * np.pi / 2")
    assert fingerprint("train_stage1", "losses.label_aware_smoothing") != before


def test_file_times_do_not_count(copy):
    before = fingerprint(*STAGE1)
    for path in copy.rglob("*.py"):
        path.touch()
    forget()
    assert fingerprint(*STAGE1) == before
