import pytest

from longtail.runtime import image_tree
from longtail.runtime.errors import InputError


@pytest.fixture
def tree(tmp_path):
    for split in ("train", "test"):
        for file in ("cat/b.JPG", "cat/a.png", "dog/a.webp", "dog/.hidden.png", "dog/notes.txt", ".cache/a.png"):
            path = tmp_path / split / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"12345")
        (tmp_path / split / "readme.txt").write_text("not a class")
    return tmp_path


def test_images_by_split_and_class(tree):
    found = image_tree.listing(tree)
    for split in ("train", "test"):
        names = {name: [file.name for file in images] for name, images in found[split].items()}
        assert names == {"cat": ["a.png", "b.JPG"], "dog": ["a.webp"]}
    assert list(found["train"]) == ["cat", "dog"]


def remove(tree, split, name):
    for file in (tree / split / name).iterdir():
        file.unlink()
    (tree / split / name).rmdir()


def test_missing_split(tree):
    (tree / "test").rename(tree / "val")
    with pytest.raises(InputError, match="has no folder test/: expected train/<class>"):
        image_tree.listing(tree)


def test_one_class_is_too_few(tree):
    remove(tree, "train", "dog")
    with pytest.raises(InputError, match=r"train has 1 class folder\(s\): at least two"):
        image_tree.listing(tree)


def test_class_without_images(tree):
    (tree / "train/dog/a.webp").unlink()
    with pytest.raises(InputError, match="train/dog holds no image"):
        image_tree.listing(tree)


def test_class_in_one_split_only(tree):
    (tree / "train/bird").mkdir()
    (tree / "train/bird/a.png").write_bytes(b"1")
    with pytest.raises(InputError, match="class 'bird' is only in one of"):
        image_tree.listing(tree)


def test_digest_follows_names_and_sizes(tree):
    seen = [image_tree.digest(tree)]
    (tree / "train/dog/notes.txt").write_text("other notes")
    (tree / "train/cat/a.png").write_bytes(b"54321")
    assert image_tree.digest(tree) == seen[0]
    (tree / "train/cat/a.png").write_bytes(b"123456")
    seen.append(image_tree.digest(tree))
    (tree / "train/cat/a.png").rename(tree / "train/cat/c.png")
    seen.append(image_tree.digest(tree))
    (tree / "test/cat/d.png").write_bytes(b"")
    seen.append(image_tree.digest(tree))
    assert len(set(seen)) == len(seen)
