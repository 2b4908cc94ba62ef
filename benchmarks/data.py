"""Images to train on: CIFAR-10-LT in shape, the digits, or a folder."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from longtail.data import arrays, long_tail
from longtail.data.forms.files import Files
from longtail.data.forms.images import Arrays
from longtail.data.forms.titles import Titles
from longtail.data.sources import digits, folder

CLASSES = 10
# In memory as a network sees them, a batch of the large sets' recipes; in files about as ImageNet's are.
LARGE, SIDE = 256, 224
STORED_IMAGES = 32
STORED, QUALITY = (375, 500), 90
# Characters of the THUCNews vocabulary, of a title, and numbers of a vector, as Tencent's files have them.
CHARACTERS, TITLE, VECTOR = 4762, 32, 200


def cifar_shaped() -> Arrays:
    """12,406 random 32x32 colour images in the class sizes of CIFAR-10-LT at factor 100, and 10,000 to test on.

    The pixels come from a fixed seed: the arithmetic of training does not depend on them.
    """
    counts = long_tail.class_counts(5000, 100, CLASSES)
    rng = np.random.default_rng(0)
    train, test = (rng.integers(0, 256, (number, 32, 32, 3), dtype=np.uint8) for number in (sum(counts), 10_000))
    labels = np.repeat(np.arange(CLASSES), counts), np.repeat(np.arange(CLASSES), 1000)
    return Arrays(train, labels[0], test, labels[1], [str(label) for label in range(CLASSES)])


def save_cifar_sized(target: Path) -> str:
    """Write random arrays of the size of CIFAR-10 (184 MB), as a job reads them; their path."""
    rng = np.random.default_rng(0)
    train, test = (rng.integers(0, 256, (number, 32, 32, 3), dtype=np.uint8) for number in (50_000, 10_000))
    labels = np.arange(50_000) % CLASSES, np.arange(10_000) % CLASSES
    classes = [str(label) for label in range(CLASSES)]
    arrays.save(target / "whole.npz", Arrays(train, labels[0], test, labels[1], classes))
    return str(target / "whole.npz")


def save_few(target: Path) -> str:
    """Write 150 random 8x8 images, a batch and a shorter one, to try programs on; the path of their arrays."""
    rng = np.random.default_rng(0)
    pixels, labels = rng.integers(0, 256, (150, 8, 8, 3), dtype=np.uint8), np.arange(150) % CLASSES
    classes = [str(label) for label in range(CLASSES)]
    arrays.save(target / "few.npz", Arrays(pixels, labels, pixels, labels, classes))
    return str(target / "few.npz")


def save(target: Path, source: str) -> str:
    """Write the arrays of `cifar`, of `digits`, or of a folder of train/<class>/* and test/<class>/*; their path."""
    path = target / f"{Path(source).name}.npz"
    if source == "cifar":
        arrays.save(path, cifar_shaped())
    elif source == "digits":
        arrays.save(path, digits.read({}, None))
    else:
        arrays.save(path, folder.read({"data_dir": source, "image_size": 32}, None))
    return str(path)


def save_large(target: Path) -> tuple[str, str]:
    """Write arrays of 224x224 images, and JPEG files with the arrays that name them; the paths of both arrays."""
    rng = np.random.default_rng(0)
    labels = np.arange(LARGE) % CLASSES
    few = labels[:STORED_IMAGES]
    classes = [str(label) for label in range(CLASSES)]
    pixels = rng.integers(0, 256, (LARGE, SIDE, SIDE, 3), dtype=np.uint8)
    arrays.save(target / "large.npz", Arrays(pixels, labels, pixels, labels, classes))
    names = np.array([f"{number}.jpg" for number in range(STORED_IMAGES)])
    for name in names:
        Image.fromarray(natural_image(rng)).save(target / name, quality=QUALITY)
    arrays.save(target / "files.npz", Files(str(target), names, names, few, few, classes))
    return str(target / "large.npz"), str(target / "files.npz")


def save_titles(target: Path) -> str:
    """Write random titles in the numbers of a THUNEWS-LT whose largest class has 4,000; the path of their arrays."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(CLASSES), long_tail.class_counts(4000, 100, CLASSES, decimals=1))
    rows = rng.integers(0, CHARACTERS, (len(labels), TITLE), dtype=np.int32)
    vectors = rng.standard_normal((CHARACTERS, VECTOR), dtype=np.float32)
    classes = [str(label) for label in range(CLASSES)]
    characters = np.array([chr(0x4E00 + number) for number in range(CHARACTERS)])
    few = slice(0, 1)
    titles = Titles(rows, labels, rows[few], labels[few], rows[few], labels[few], vectors, classes, characters)
    arrays.save(target / "titles.npz", titles)
    return str(target / "titles.npz")


def load_titles(path: str) -> Titles:
    """The titles of a file that `save_titles` wrote."""
    found = arrays.load(path)
    assert isinstance(found, Titles)
    return found


def natural_image(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Noise with the spectrum of photographs (amplitudes fall as 1/f), so that it compresses as they do."""
    height, width = STORED
    distance = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    distance[0, 0] = np.inf
    noise = np.fft.fft2(rng.normal(size=(3, height, width))) / distance
    planes = np.fft.ifft2(noise).real
    planes = 128 + 50 * planes / planes.std(axis=(1, 2), keepdims=True)
    return planes.clip(0, 255).astype(np.uint8).transpose(1, 2, 0)


def load(path: str) -> Arrays:
    """The arrays of a file that `save` wrote."""
    found = arrays.load(path)
    assert isinstance(found, Arrays)
    return found
