import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from longtail.runtime import fingerprint as module
from longtail.runtime.fingerprint import LIB, ROOT, canonical, fingerprint

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


def test_place_of_the_checkout_does_not_matter(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
        (LOOP, '"""Checks during training', '"""A class docstring: checks during training'),
        (RESNET, '        """Images [B, C, H, W] to non-negative features [B, 64]."""\n', ""),
        (RESNET, '    feature_dim = 64\n\n    def __init__(self, channels: int) -> None:\n',
         '    feature_dim = 64\n\n    def __init__(self, channels: int) -> None:\n        """New docstring."""\n'),
        (RESNET, "self.extra = (planes - planes_in) // 2", "self.extra = ((planes - planes_in)\n            // 2)"),
        (RESNET, '"""A ResNet-32 with every', "'''A ResNet-32, every"),
        (SCRIPT, "from longtail.runtime import gpus", "# A comment.\nfrom longtail.runtime import gpus"),
    ],
)  # fmt: skip
def test_words_and_layout_do_not_count(copy: Path, file: str, old: str, new: str) -> None:
    before = fingerprint(*STAGE1)
    if new.startswith("'''"):
        edit(copy, file, '(fan_in, gain √2)."""', "(fan_in, gain √2).'''")
    edit(copy, file, old, new)
    assert fingerprint(*STAGE1) == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (LOOP, "CHECK_SECONDS = 1.0", "CHECK_SECONDS = 1.5"),
        (LOOP, "if self.stop_signal():", "if not self.stop_signal():"),
        (RESNET, "planes - planes_in) // 2", "planes - planes_in) // 4"),
        ("lib/longtail/losses/cross_entropy.py", 'reduction="none"', 'reduction="mean"'),
        ("lib/longtail/engine/seeding.py", "MIXING = 3", "MIXING = 4"),  # imported by what is imported
        ("lib/longtail/runtime/parts.py", "folder = LIB.joinpath", "folder = LIB.with_name"),
        (SCRIPT, "subset.sha256", "subset"),
    ],
)
def test_code_counts(copy: Path, file: str, old: str, new: str) -> None:
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
def test_code_that_is_not_used_does_not_count(copy: Path, file: str) -> None:
    before = fingerprint(*STAGE1)
    path = copy / file
    path.write_text(path.read_text() + "\nMORE = 1\n")
    forget()
    assert fingerprint(*STAGE1) == before


def test_new_part_does_not_count(copy: Path) -> None:
    before = fingerprint(*STAGE1)
    (copy / "lib/longtail/losses/my_own.py").write_text("GAMMA = 2\n")
    forget()
    assert fingerprint(*STAGE1) == before


def test_parts_and_scripts_differ(copy: Path) -> None:
    names = [
        STAGE1,
        (*STAGE1[:2], "losses.label_aware_smoothing"),
        STAGE1[:2],
        ("train_stage2", *STAGE1[1:]),
    ]
    assert len({fingerprint(*name) for name in names}) == len(names)


def test_part_brings_its_imports_along(copy: Path) -> None:
    before = fingerprint("train_stage1", "losses.label_aware_smoothing")
    edit(copy, "lib/longtail/smoothing.py", "3 * np.pi / 2", "5 * np.pi / 2")
    assert fingerprint("train_stage1", "losses.label_aware_smoothing") != before


def test_file_times_do_not_count(copy: Path) -> None:
    before = fingerprint(*STAGE1)
    for path in copy.rglob("*.py"):
        path.touch()
    forget()
    assert fingerprint(*STAGE1) == before


# What versions of Python parse or write differently: f-strings, prefixes, letters that one of them does not know.
SYNTAX = r"""
a = f"{x}" "y" f"{z!r:>{width}}" u"u"
b = f"{x=} {x:} {x:%Y-%m} {{}} {f'{x}'}" f"" "end"
c = {**a, None: -1, 1_000: 1e3, "\u1c89 \N{GREEK SMALL LETTER LAMDA} \n": b"\xff", 2j: ...}
with (open(a) as p, open(b) as q): (yield)
match c:
    case {"a": None, **rest} | [-1, *_] | str(x=True): pass
async def f(p, /, q: int = 1, *args: *tuple[int], r, s=None, **kwargs) -> "x": return (lambda: (await p, *q))
"""
PRINTED = """
import ast, sys
sys.path.insert(0, sys.argv[1])
from longtail.runtime import fingerprint
print("Python", *sys.version_info[:2])
print(fingerprint.canonical(ast.parse(sys.stdin.read())))
for script in sorted(fingerprint.ROOT.glob("workflow_scripts/[!_]*.py")):
    print(script.stem, fingerprint.fingerprint(script.stem))
for source in sorted(fingerprint.LIB.rglob("*.py")):
    print(source, fingerprint._meaning(source))
"""


def pythons() -> list[str]:
    """Every Python on PATH, of uv and of pyenv, from 3.11 on."""
    homes = [
        Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions"),
        Path.home() / ".local/share/uv/python",
    ]
    found = [sys.executable, *(shutil.which(f"python3.{minor}") for minor in range(11, 20))]
    return [*filter(None, found), *(str(path) for home in homes for path in home.glob("*3.1[1-9]*/bin/python3"))]


def test_every_version_of_python_gives_the_same() -> None:
    printed: dict[str, str] = {}
    for python in pythons():
        done = subprocess.run(
            [python, "-I", "-c", PRINTED, str(LIB.parent)], input=SYNTAX, capture_output=True, text=True, check=False
        )
        # A name on PATH need not start a Python: pyenv has names of versions that are switched off.
        if done.stdout.startswith("Python"):
            assert done.returncode == 0, done.stderr
            version, text = done.stdout.split("\n", 1)
            printed[version] = text
    if len(printed) == 1:
        pytest.skip(f"{next(iter(printed))} is the only one installed")
    assert {version for version, text in printed.items() if text != next(iter(printed.values()))} == set()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("f(1)", "f(True)"),
        ("f(1)", "f(1.0)"),
        ("{**a}", "{None: a}"),
        ("def f(*, a): pass", "def f(*, a=None): pass"),
        ("return_", "'return_'"),
        ("f'{a}b'", "f'a{b}'"),
        ("f'{a!r}'", "f'{a}'"),
        ("f'{a:3}'", "f'{a}3'"),
        ("f'{a}'", "'{a}'"),
        ("a = -1", "a = 1"),
        ("x.a", "x.b"),
        ("import a.b", "import a, b"),
        ("from . import a", "from .. import a"),
        ("(a, b)", "a, (b,)"),
    ],
)
def test_different_code_is_written_differently(one: str, other: str) -> None:
    assert canonical(ast.parse(one)) != canonical(ast.parse(other))
