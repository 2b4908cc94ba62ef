import os
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from longtail.data.forms.files import Files
from longtail.data.sources import folder
from longtail.runtime.errors import InputError

SHARED = Path(os.environ.get("LONGTAIL_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))
CIFAR10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def write(root: Path, name: str, pixels, mode: str | None = None) -> Path:
    """A PNG (or what the name says) of `pixels`, a colour or an array [H, W, C]."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.full((4, 4, 3), pixels) if np.ndim(pixels) < 2 else np.asarray(pixels)
    image = Image.fromarray(array.astype(np.uint8))
    (image.convert(mode) if mode else image).save(path)
    return path


@pytest.fixture
def tree(tmp_path) -> Path:
    """Classes `10`, `9` and `a`, each image of one grey: tens give the class, ones the place in its folder."""
    for split, extra in (("train", 0), ("test", 100)):
        for grey, name in [(31, "a/2.png"), (10, "10/x.png"), (20, "9/1.png"), (30, "a/1.png")]:
            write(tmp_path, f"{split}/{name}", grey + extra)
    return tmp_path


def read(root: Path, size: int = 4):
    return folder.read({"data_dir": str(root), "image_size": size, "streamed": False}, None)


def test_classes_and_images_follow_their_names(tree: Path) -> None:
    arrays = read(tree)
    assert arrays.classes == ["10", "9", "a"]
    assert arrays.train_labels.tolist() == arrays.test_labels.tolist() == [0, 1, 2, 2]
    assert arrays.train_images[:, 0, 0, 0].tolist() == [10, 20, 30, 31]
    assert arrays.test_images[:, 3, 3, 2].tolist() == [110, 120, 130, 131]
    assert arrays.train_images.dtype == np.uint8
    assert arrays.train_labels.dtype == np.int64


def test_image_of_the_right_size_keeps_its_pixels(tree: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 4, 3))
    write(tree, "train/9/1.png", pixels)
    np.testing.assert_array_equal(read(tree).train_images[1], pixels)


def test_streamed_folder_is_listed_and_not_opened(tree: Path) -> None:
    (tree / "train/a/1.png").write_text("not an image")
    files = folder.read({"data_dir": str(tree), "streamed": True}, None)
    assert isinstance(files, Files)
    assert files.root == str(tree)
    assert files.train_files.tolist() == ["train/10/x.png", "train/9/1.png", "train/a/1.png", "train/a/2.png"]
    assert files.test_files.tolist() == ["test/10/x.png", "test/9/1.png", "test/a/1.png", "test/a/2.png"]
    assert files.train_labels.tolist() == files.test_labels.tolist() == [0, 1, 2, 2]
    assert files.train_labels.dtype == np.int64
    assert files.classes == ["10", "9", "a"]


def test_what_is_read_and_passed_over_is_logged(tree: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    read(tree)
    assert caplog.messages == ["train: 4 images of 3 classes", "test: 4 images of 3 classes", "passed over: nothing"]
    (tree / "train/a/notes.txt").touch()
    read(tree)
    assert caplog.messages[-1] == "passed over: 1 no image by name (train/a/notes.txt)"


@pytest.mark.parametrize("size", [10, 20, 40])
def test_shorter_side_is_resized_and_the_centre_cut(tree: Path, size: int) -> None:
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, :20], wide[:, 20:40], wide[:, 40:] = (255, 0, 0), (0, 200, 0), (0, 0, 255)
    write(tree, "train/9/1.png", wide)
    write(tree, "test/9/1.png", wide.transpose(1, 0, 2))
    arrays = read(tree, size)
    assert arrays.train_images.shape == (4, size, size, 3)
    for image in (arrays.train_images[1], arrays.test_images[1]):
        # Next to the cut, resizing mixes in some of the neighbouring pixels.
        assert (image[2:-2, 2:-2] == [0, 200, 0]).all()
        assert (image.argmax(axis=2) == 1).all()


@pytest.mark.parametrize(
    ("mode", "grey"), [("L", 90), ("LA", 90), ("RGBA", 90), ("P", 102), ("1", 255), ("CMYK", 90), ("YCbCr", 90)]
)
def test_every_colour_mode_becomes_rgb(tree: Path, mode: str, grey: int) -> None:
    (tree / "train/9/1.png").unlink()
    write(tree, "train/9/1.tiff" if mode in ("CMYK", "YCbCr") else "train/9/1.png", grey, mode)
    image = read(tree).train_images[1]
    assert image.shape == (4, 4, 3)
    assert (abs(image.astype(int) - grey) <= 1).all()


def test_sixteen_bit_grey_levels_keep_their_scale(tree: Path) -> None:
    levels = np.array([[0, 257, 90 * 257, 65535]] * 4, np.uint16)
    Image.fromarray(levels).save(tree / "train/9/1.png")
    assert read(tree).train_images[1, 0].tolist() == [[level] * 3 for level in (0, 1, 90, 255)]


def test_an_image_is_turned_as_its_exif_data_say(tree: Path) -> None:
    turned = Image.Exif()
    turned[274] = 6  # a quarter clockwise
    halves = np.repeat(np.array([[[250] * 3], [[10] * 3]], np.uint8), [2, 2], axis=0).repeat(4, axis=1)
    Image.fromarray(halves).save(tree / "train/9/1.png", exif=turned)
    assert read(tree).train_images[1, :, :, 0].tolist() == [[10, 10, 250, 250]] * 4


@pytest.mark.parametrize("damage", ["empty", "text", "cut"])
@pytest.mark.parametrize("form", ["png", "jpg"])
def test_damaged_image_is_named(tree: Path, damage: str, form: str) -> None:
    path = write(tree, f"train/a/3.{form}", np.random.default_rng(0).integers(0, 256, (16, 16, 3)))
    whole = path.read_bytes()
    path.write_bytes({"empty": b"", "text": b"not an image", "cut": whole[: len(whole) // 2]}[damage])
    with pytest.raises(InputError, match=rf"train/a/3\.{form} is not a readable image .*: repair or remove it"):
        read(tree)


def test_cifar10_of_jpeg_files(tmp_path: Path) -> None:
    archive = SHARED / "cifar10-jpeg.tar.xz"
    if not archive.is_file():
        pytest.skip(f"{archive} is not there (LONGTAIL_SHARED_DATA names its folder)")
    counts: Counter[tuple[str, str]] = Counter()
    with tarfile.open(archive) as stored:
        for member in stored:
            if member.isfile():
                split, name, file = Path(member.name).parts[-3:]
                counts[split, name] += 1
                if int(Path(file).stem) in (1, 2, 3):
                    target = tmp_path / split / name / file
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(stored.extractfile(member).read())
    assert counts == {(s, c): n for s, n in (("train", 5000), ("test", 1000)) for c in CIFAR10}
    arrays = read(tmp_path, 32)
    assert arrays.classes == CIFAR10
    assert arrays.train_images.shape == arrays.test_images.shape == (30, 32, 32, 3)
    assert arrays.train_labels.tolist() == [label for label in range(10) for _ in range(3)]
    first = np.asarray(Image.open(tmp_path / "train" / "frog" / "0002.jpg"))
    np.testing.assert_array_equal(arrays.train_images[19], first)


def own(root: Path, **changes: object) -> dict[str, object]:
    settings = {"data_dir": str(root), "image_size": 8, "streamed": True}
    return settings | {"group": None, "group_images": None, "class_names": None} | changes


def test_frames_of_a_track_are_a_group_and_a_few_of_each_may_be_used(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for track, frames in ((0, 5), (1, 1)):
            for frame in range(frames):
                write(tmp_path, f"train/{name}/{track}_{frame}.png", 9)
        write(tmp_path, f"test/{name}/x.png", 9)
    rule = r"^(\d+)_"

    folder.check(own(tmp_path, group=rule), "mine")
    assert folder.groups_of(own(tmp_path, group=rule)) == (["0"] * 5 + ["1"]) * 2
    few = own(tmp_path, group=rule, group_images=2)
    assert folder.class_sizes(few) == (3, 3)
    kept = folder.read(few, None)
    assert kept.train_files.tolist() == [f"train/{c}/{f}.png" for c in "ab" for f in ("0_1", "0_3", "1_0")]
    assert kept.test_files.tolist() == ["test/a/x.png", "test/b/x.png"]


def test_classes_may_have_names_other_than_their_folders(tree: Path) -> None:
    named = own(tree, class_names={"9": "nine"})

    assert folder.read(named, None).classes == ["10", "nine", "a"]
    with pytest.raises(InputError, match="no class folder 'nein'"):
        folder.check(own(tree, class_names={"nein": "nine"}), "mine")
    with pytest.raises(InputError, match="two classes have the name 'a'"):
        folder.check(own(tree, class_names={"9": "a"}), "mine")


def test_images_of_a_group_are_counted_only_with_a_rule(tree: Path) -> None:
    with pytest.raises(InputError, match="mine lacks the key 'group', which 'group_images' counts in: add it"):
        folder.check(own(tree, group_images=3), "mine")
