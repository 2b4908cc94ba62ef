"""`longtail init` on small folders."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from PIL import Image

from longtail.config import layers, load
from longtail.runtime.errors import InputError
from longtail.survey import look


def write(path: Path, grey: int, side: int = 8, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (side, side), (grey, grey, grey)).convert(mode).save(path)


@pytest.fixture
def tracks(tmp_path: Path) -> Path:
    """Two classes of three tracks of four frames, without a test split."""
    root = tmp_path / "My signs"
    for number, name in enumerate(("stop", "yield")):
        for track in range(3):
            for frame in range(4):
                write(root / name / f"{track:02}_{frame:02}.png", 100 * number + 20 * track + frame)
    return root


def init(root: Path, target: Path, share: float | None = None, force: bool = False) -> str:
    target.mkdir(exist_ok=True)
    return "\n".join(look.init(root, None, target, force, share))


def test_a_tree_is_described_and_its_configuration_can_be_read(
    image_tree: Callable[..., Path], tmp_path: Path
) -> None:
    root = image_tree("cat", "dog")
    (root / "train/cat/0.png").unlink()
    write(root / "train/dog/grey.png", 7, side=100, mode="L")
    (root / "train/dog/broken.png").write_text("no image")
    (root / "test/dog/same.png").write_bytes((root / "train/dog/3.png").read_bytes())

    said = init(root, tmp_path / "out")

    assert "train/: 25 images; largest class dog 14, smallest cat 11, imbalance factor 1.3" in said
    assert "shorter side 8 to 100, median 8 pixels; used at 32x32; modes: RGB 48, L 1" in said
    assert "1 file that cannot be read" in said
    assert "broken.png is not a readable image" in said
    assert "1 test image with the same bytes as a training image (train/dog/3.png = test/dog/same.png)" in said
    assert "tracks" not in said
    config = tmp_path / "out" / "tree.yaml"
    registry = load.load(layers.read([config]), [config])
    assert registry.datasets["tree"]["validation"] == 0.1
    assert load.definition("table", tmp_path / "out" / "tree_table.yaml")["columns"][0]["dataset"] == "tree"


def test_without_a_test_split_one_is_proposed_that_keeps_tracks_together(tracks: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    said = init(tracks, out)

    assert "the names look like tracks" in said
    assert "makes 6 groups of 4 to 4 images" in said
    assert "makes 16 for training and 8 for testing" in said
    assert "--split 0.2" in said
    assert list(out.iterdir()) == []

    init(tracks, out, share=0.2)
    split = out / "my_signs_split"
    for name in ("stop", "yield"):
        train, test = ({file.name[:2] for file in (split / part / name).iterdir()} for part in ("train", "test"))
        assert (len(train), len(test), train & test) == (2, 1, set())
    assert yaml.safe_load((out / "my_signs.yaml").read_text())["datasets"]["my_signs"]["group"] == r"^(\d+)_\d+\."


def test_nothing_is_overwritten_without_force(image_tree: Callable[..., Path], tmp_path: Path) -> None:
    root, out = image_tree("cat", "dog"), tmp_path / "out"
    init(root, out)
    (out / "tree.yaml").write_text("mine")

    with pytest.raises(InputError, match=r"tree\.yaml exists already: add --force"):
        init(root, out)
    assert (out / "tree.yaml").read_text() == "mine"
    init(root, out, force=True)
    assert (out / "tree.yaml").read_text() != "mine"


def test_titles_are_counted_and_get_their_configuration(tmp_path: Path) -> None:
    root = tmp_path / "reviews"
    root.mkdir()
    (root / "train.csv").write_text("text,label\n" + "".join(f'"a, {n}",good\n' for n in range(6)) + "b,bad\n")
    (root / "test.csv").write_text("text,label\nc,good\nd,bad\n")

    said = init(root, tmp_path / "out")

    assert "train.csv: 7 titles; largest class good 6, smallest bad 1, imbalance factor 6.0" in said
    written = yaml.safe_load((tmp_path / "out" / "reviews.yaml").read_text())["datasets"]["reviews"]
    assert written["titles"] == {"train": ["train.csv"], "test": ["test.csv"]}


def test_one_file_of_titles_is_split_and_equal_titles_stay_together(tmp_path: Path) -> None:
    root = tmp_path / "reviews"
    root.mkdir()
    (root / "all.tsv").write_text("".join(f"text {n // 2}\t{n % 40 // 20}\n" for n in range(40)))

    assert "writes reviews_split/train.csv and test.csv" in init(root, tmp_path / "out")
    init(root, tmp_path / "out", share=0.2)
    parts = [
        set((tmp_path / "out/reviews_split" / f"{split}.csv").read_text().splitlines()[1:])
        for split in ("train", "test")
    ]
    assert [len(part) for part in parts] == [16, 4]
    assert parts[0] & parts[1] == set()


def nothing(root: Path) -> None:
    root.mkdir()


def one_class(root: Path) -> None:
    write(root / "cat/1.png", 0)


def only_in_test(root: Path) -> None:
    for name in ("train/cat", "train/dog", "test/cat", "test/dog", "test/owl"):
        write(root / name / "1.png", 0)


def unreadable(root: Path) -> None:
    only_in_test(root)
    write(root / "train/owl/1.png", 0)
    for path in root.rglob("*.png"):
        path.write_text("no image")


def without_images(root: Path) -> None:
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)


def latin(root: Path) -> None:
    root.mkdir()
    (root / "train.txt").write_bytes("schön\tgut\nx\tschlecht\n".encode("latin-1"))
    (root / "test.txt").write_text("a\tgut\n")


def one_label(root: Path) -> None:
    root.mkdir()
    (root / "all.txt").write_text("a\tgood\nb\tgood\n")


def one_image_each(root: Path) -> None:
    for name in ("cat", "dog"):
        write(root / name / "1.png", 0)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (nothing, r"has 0 class folder\(s\): at least two are needed"),
        (one_class, r"has 1 class folder\(s\): at least two are needed"),
        (only_in_test, "class 'owl' is only in one of train/ and test/"),
        (unreadable, "none of the 6 images can be read; the first: .*1.png is not a readable image"),
        (without_images, "cat holds no image: add some or remove the folder"),
        (latin, "train.txt, line 1: not UTF-8 text: save the file of titles in UTF-8"),
        (one_label, "'good' is the only class: at least two are needed"),
        (one_image_each, "class 'cat' has a single image or group"),
    ],
)
def test_data_that_cannot_be_used_are_refused_and_nothing_is_written(
    make: Callable[[Path], None], said: str, tmp_path: Path
) -> None:
    make(tmp_path / "mine")

    with pytest.raises(InputError, match=said):
        init(tmp_path / "mine", tmp_path / "out", share=None)
    assert list((tmp_path / "out").iterdir()) == []
