"""Image files, for sets too large for memory: worker processes decode and augment them while the network learns."""

import multiprocessing
import os
import signal
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from longtail.data import decode
from longtail.data.forms.files import Files
from longtail.engine import seeding
from longtail.engine.distributed import ALONE, World
from longtail.engine.forms import Policy, unchanged
from longtail.engine.forms._normaliser import Normaliser
from longtail.engine.seeding import Epoch
from longtail.runtime import signals
from longtail.runtime.errors import InputError
from longtail.settings.preprocessing import Preprocessing

# Indices of images, the position of the first of them in the order, and the seed of their augmentation.
Draw = tuple[NDArray[np.int64], int, tuple[int, ...]]
Transform = Callable[[Image.Image], Image.Image]


class Form:
    """Images in files; their side is that of the training crop."""

    def __init__(
        self, data: Files, preprocessing: Preprocessing, device: torch.device, workers: int, world: World
    ) -> None:
        self.data = data
        self.preprocessing = preprocessing
        self.device = device
        self.workers = workers
        self.world = world
        self.normalise = Normaliser(preprocessing, device)
        self.inputs = len(preprocessing.mean)
        self.side = preprocessing.random_resized_crop or preprocessing.center_crop or 0

    def training(self, indices: NDArray[np.int64], *, augment: bool) -> "StreamedSet":
        """The training images at `indices`; each process of a training decodes its rows of a batch."""
        return self._streamed(self.data.train_files[indices], augment, self.world)

    def testing(self) -> "StreamedSet":
        """All test images, not augmented."""
        return self._streamed(self.data.test_files, False, ALONE)

    def validation(self) -> None:
        """No source of images has a validation split."""

    def _streamed(self, files: NDArray[np.str_], augment: bool, world: World) -> "StreamedSet":
        return StreamedSet(self.data.root, files, self.preprocessing, self.device, augment, self.workers, world)


class StreamedSet:
    """Image files [N] below `root`, cropped and augmented as torchvision does it (methods card 1.5).

    Training images go through RandomResizedCrop, HorizontalFlip and ColorJitter, test images through Resize and
    CenterCrop, if `preprocessing` sets them. `workers` processes decode in advance; with 0 this process decodes.
    """

    def __init__(
        self,
        root: str,
        files: NDArray[np.str_],
        preprocessing: Preprocessing,
        device: torch.device,
        augment: bool,
        workers: int,
        world: World = ALONE,
    ) -> None:
        self.device = device
        self.world = world
        self.decoder = _Decoder(root, files, transform(preprocessing, augment))
        self.plan = _Plan()
        self.loader: DataLoader[Any] = DataLoader(
            self.decoder,
            batch_size=None,
            sampler=self.plan,
            num_workers=workers,
            pin_memory=device.type == "cuda",
            persistent_workers=workers > 0,
            worker_init_fn=_obey_only_parent,
            generator=torch.Generator(),
        )
        # Garbage-collected in a cycle together with its pipes, a loader would wait for its workers without success.
        weakref.finalize(self, _let_go, self.loader)

    def __len__(self) -> int:
        return len(self.decoder.files)

    def batches(
        self,
        order: NDArray[np.int64],
        batch_size: int,
        epoch: Epoch,
        policy: Policy = unchanged,
    ) -> Iterator[Tensor]:
        """uint8 batches [B, H, W, C] of the images in the given `order`, from the epoch's first batch on.

        Only one pass at a time. The augmentation of an image depends only on the epoch and its position in `order`;
        `policy` is a further augmentation. Each process of a training decodes its rows of a batch.
        Raises InputError naming a file that cannot be decoded.
        """
        seed = epoch.entropy(seeding.AUGMENTATION)
        starts = range(epoch.first_batch * batch_size, len(order), batch_size)
        counts = [min(batch_size, len(order) - start) for start in starts]
        rows = [self.world.rows(count) for count in counts]
        own = [slice(start + part.start, start + part.stop) for start, part in zip(starts, rows, strict=True)]
        draws: list[Draw] = [(order[positions], positions.start, seed) for positions in own]
        self.plan.draws = draws
        for pixels, positions, count in zip(self._decoded(), own, counts, strict=True):
            if self.plan.draws is not draws:
                raise RuntimeError("another pass over this set has begun, and its workers serve one at a time")
            if isinstance(pixels, InputError):
                # A new exception: the original would keep a reference to this frame, and so to the workers.
                raise InputError(str(pixels))
            decoded = policy(pixels.to(self.device, non_blocking=True), positions)
            yield self.world.gather(decoded, count)

    def _decoded(self) -> Iterator[Any]:
        try:
            yield from self.loader
        except (ConnectionError, EOFError, FileNotFoundError) as error:
            # The connection may break before PyTorch notices that the worker is gone, and says so itself.
            raise RuntimeError("a worker that decodes images was killed (out of memory?)") from error


def _let_go(loader: DataLoader[Any]) -> None:
    """Drop the last reference to a loader."""


class _Plan:
    """The draws of the current pass: a loader with persistent workers must keep the same sampler object."""

    draws: list[Draw]

    def __iter__(self) -> Iterator[Draw]:
        return iter(self.draws)


class _Decoder(Dataset[Tensor | InputError]):
    def __init__(self, root: str, files: NDArray[np.str_], transform: Transform) -> None:
        self.root = root
        self.files = files
        self.transform = transform

    def __getitem__(self, draw: Draw) -> Tensor | InputError:
        images, start, seed = draw
        try:
            pixels = [self._pixels(image, (*seed, start + offset)) for offset, image in enumerate(images)]
        except InputError as error:
            # If it were raised in a worker, its message would contain the worker's traceback.
            return error
        return torch.from_numpy(np.stack(pixels))

    def _pixels(self, image: np.int64, entropy: tuple[int, ...]) -> NDArray[np.uint8]:
        decoded = decode.rgb(os.path.join(self.root, self.files[image]))
        # torchvision draws from the global generator.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(np.random.SeedSequence(entropy).generate_state(1)[0]))
            return np.asarray(self.transform(decoded))


def transform(preprocessing: Preprocessing, augment: bool) -> Transform:
    """What a decoded image goes through: augmentation for training, else a resize and a central crop."""
    from torchvision import transforms

    steps: list[Any] = []
    if augment and preprocessing.random_resized_crop is not None:
        steps.append(transforms.RandomResizedCrop(preprocessing.random_resized_crop))
    else:
        if preprocessing.resize is not None:
            steps.append(transforms.Resize(preprocessing.resize))
        if preprocessing.center_crop is not None:
            steps.append(transforms.CenterCrop(preprocessing.center_crop))
    if augment and preprocessing.flip:
        steps.append(transforms.RandomHorizontalFlip())
    if augment and preprocessing.color_jitter is not None:
        steps.append(transforms.ColorJitter(*preprocessing.color_jitter))
    composed: Transform = transforms.Compose(steps)
    return composed


def _obey_only_parent(worker: int) -> None:
    """Make a worker continue when all processes of a job get a stop signal: the training saves its state first.

    Only the training process itself may end it. (On systems that do not report the sender of a signal, such as macOS,
    a worker stops immediately.)
    """
    if hasattr(signal, "sigwaitinfo"):
        signal.pthread_sigmask(signal.SIG_BLOCK, signals.ASKING)
        threading.Thread(target=_await_parent, daemon=True).start()


def _await_parent() -> None:
    parent = multiprocessing.parent_process()
    while parent is not None and signal.sigwaitinfo(signals.ASKING).si_pid != parent.pid:
        pass
    os._exit(0)
