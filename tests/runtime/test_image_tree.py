import os
from pathlib import Path
from typing import Any

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


def test_images_by_split_and_class(tree: Any) -> None:
    found = image_tree.listing(tree)
    for split in ("train", "test"):
        names = {name: [file.name for file in images] for name, images in found[split].items()}
        assert names == {"cat": ["a.png", "b.JPG"], "dog": ["a.webp"]}
    assert list(found["train"]) == ["cat", "dog"]


def remove(tree, split, name):
    for file in (tree / split / name).iterdir():
        file.unlink()
    (tree / split / name).rmdir()


def test_missing_split(tree: Any) -> None:
    (tree / "test").rename(tree / "val")
    with pytest.raises(InputError, match="has no folder test/: expected train/<class>"):
        image_tree.listing(tree)


def test_one_class_is_too_few(tree: Any) -> None:
    remove(tree, "train", "dog")
    with pytest.raises(InputError, match=r"train has 1 class folder\(s\): at least two"):
        image_tree.listing(tree)


def test_class_without_images(tree: Any) -> None:
    (tree / "train/dog/a.webp").unlink()
    with pytest.raises(InputError, match="train/dog holds no image"):
        image_tree.listing(tree)


def test_class_in_one_split_only(tree: Any) -> None:
    (tree / "train/bird").mkdir()
    (tree / "train/bird/a.png").write_bytes(b"1")
    with pytest.raises(InputError, match="class 'bird' is only in one of"):
        image_tree.listing(tree)


def test_digest_follows_names_and_sizes(tree: Any) -> None:
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


def put(tree, *files):
    for file in files:
        (tree / file).parent.mkdir(parents=True, exist_ok=True)
        (tree / file).write_bytes(b"1")


def refusal(tree):
    with pytest.raises(InputError) as caught:
        image_tree.listing(tree)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_format_that_pillow_decodes_is_read(tree: Any) -> None:
    names = [
        f"a.{ending}" for ending in ("avif", "BMP", "gif", "jfif", "jp2", "mpo", "pbm", "pfm", "tga", "tif", "webp")
    ]
    put(tree, *(f"train/cat/{name}" for name in names))
    assert {file.name for file in image_tree.listing(tree)["train"]["cat"]} == {"a.png", "b.JPG", *names}


def test_what_is_passed_over_is_counted_and_named(tree: Any) -> None:
    put(tree, "train/cat/notes/a.txt", *(f"train/dog/{name}" for name in ("a.mpg", "b.h5", "c.pdf")))
    assert image_tree.passed_over(tree) == (
        "4 hidden (train/.cache, train/dog/.hidden.png, test/.cache, …); "
        "7 no image by name (train/readme.txt, train/dog/a.mpg, train/dog/b.h5, …); "
        "1 folder without images (train/cat/notes)"
    )


def test_nothing_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path, *(f"{split}/{name}/a.png" for split in ("train", "test") for name in ("cat", "dog")))
    assert image_tree.passed_over(tmp_path) == ""


def test_a_hidden_name_that_is_not_utf8_can_be_printed(tree: Any) -> None:
    put(tree, "train/.a", os.fsdecode(b"train/.\xff"))
    assert r"train/.\udcff" in image_tree.passed_over(tree)


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("train/cat/a/b.png", "train/cat/a is a folder of images inside a class folder: move them into {tree}"),
        ("train/cat/a/b/c.heic", "train/cat/a is a folder of images inside a class folder: move them into"),
        ("test/dog/a.png/b.txt", "test/dog/a.png is a folder with the name of an image: rename or remove it"),
        ("test/a.png", "test/a.png is in no class folder: move it into one or remove it"),
        ("train/cat/a.heic", "train/cat/a.heic: Pillow cannot read .heic files here: save it as PNG or JPEG, or"),
        ("train/cat/a.SVG", "train/cat/a.SVG: Pillow cannot read .svg files here: save it as PNG or JPEG"),
        ("train/cat/a.eps", "train/cat/a.eps: Pillow cannot read .eps files here"),
        ("train/cat/\udcff.png", r"train/cat/\udcff.png: the name is not UTF-8 or has control characters: rename it"),
        ("train/cat/a\nb.png", r"train/cat/a\nb.png: the name is not UTF-8 or has control characters: rename it"),
        ("train/\udce9/a.png", r"train/\udce9: the name is not UTF-8 or has control characters: rename it"),
    ],
)  # fmt: skip
def test_what_would_be_left_out_without_a_word_is_refused(tree: Any, file: str, sentence: str) -> None:
    put(tree, file)
    assert refusal(tree).startswith(f"{tree}/{sentence.format(tree=tree)}")


@pytest.mark.parametrize("name", ["train/cat/c.png", "train/cat/c", "train/bird"])
@pytest.mark.parametrize("target", ["nowhere", "itself"])
def test_a_broken_link_is_named(tree: Any, name: str, target: str) -> None:
    (tree / name).symlink_to("/nowhere" if target == "nowhere" else tree / name)
    sentence = "is neither a file nor a folder, perhaps a broken link: restore or remove it"
    assert refusal(tree) == f"{tree / name} {sentence}"


def test_a_pipe_is_named(tree: Any) -> None:
    os.mkfifo(tree / "train/cat/c.png")
    assert "train/cat/c.png is neither a file nor a folder" in refusal(tree)


def test_links_to_files_and_folders_are_followed(tree: Any) -> None:
    (tree / "train/cat/c.png").symlink_to(tree / "train/cat/a.png")
    for split in ("train", "test"):
        (tree / split / "owl").symlink_to(tree / "train/dog")
    found = image_tree.listing(tree)["train"]
    assert [file.name for file in found["cat"]] == ["a.png", "b.JPG", "c.png"]
    assert [file.name for file in found["owl"]] == ["a.webp"]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("Cat", "cat", "'Cat' and 'cat'"),
        ("cat", "cat ", "'cat' and 'cat '"),
        ("caf\u00e9", "cafe\u0301", r"'cafe\u0301' and 'caf\xe9'"),
        ("CAF\u00c9", "cafe\u0301", r"'CAF\xc9' and 'cafe\u0301'"),
    ],
)
@pytest.mark.parametrize("splits", [("train", "train"), ("train", "test")])
def test_classes_that_are_one_on_another_machine_are_refused(
    tree: Any, first: str, second: str, message: str, splits: tuple[Any, ...]
) -> None:
    put(tree, f"{splits[0]}/{first}/1.png", f"{splits[1]}/{second}/1.png")
    assert f"{tree}: the class folders {message} differ in capitals, in spaces around or in how" in refusal(tree)


@pytest.mark.parametrize("name", ["train/cat/a.png", "train/cat", "train"])
def test_what_may_not_be_read_is_named(tree: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modes do not bind root, so that the system's answer is put in."""
    scandir, access = os.scandir, os.access

    def scan(path):
        if path == tree / name:
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)
    monkeypatch.setattr(os, "access", lambda path, mode: path != tree / name and access(path, mode))
    message = " may not be read" if name.endswith(".png") else " cannot be read (Permission denied)"
    assert f"{tree / name}{message}: change its permissions" in refusal(tree)
