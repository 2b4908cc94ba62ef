"""The reference for trainings: the usual loop of the repositories of long-tailed recognition.

Pillow images through torchvision's transforms in the processes of a DataLoader, PyTorch's own settings, meters that
are read after every step. The network, batch size, optimiser and mixup are those of the engine.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from benchmarks import data as stored
from benchmarks.worker import Training
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from longtail.models import network

BATCH_SIZE = 128
WORKERS = 2
PRINT_FREQUENCY = 100
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)


class LongTailedImages(Dataset[tuple[Tensor, int]]):
    """Arrays in memory, one image at a time, as torchvision's CIFAR10 gives them."""

    def __init__(self, images: NDArray[np.uint8], labels: NDArray[np.int64], transform: transforms.Compose) -> None:
        self.images = images
        self.labels = labels.tolist()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), self.labels[index]


class AverageMeter:
    """The running mean of a value."""

    def __init__(self) -> None:
        self.sum = 0.0
        self.count = 0

    def update(self, value: float, count: int) -> None:
        """Take in the mean `value` of `count` images."""
        self.sum += value * count
        self.count += count

    @property
    def average(self) -> float:
        """Mean of all images so far."""
        return self.sum / self.count


def mixup(images: Tensor, labels: Tensor, alpha: float) -> tuple[Tensor, Tensor, Tensor, float]:
    """Mixed images, both labels, and the share of the first."""
    share = float(np.random.beta(alpha, alpha))
    partner = torch.randperm(len(images), device=images.device)
    return share * images + (1 - share) * images[partner], labels, labels[partner], share


def accuracy(output: Tensor, label: Tensor) -> float:
    """Top-1 accuracy of a batch in %."""
    return float((output.argmax(dim=1) == label).float().mean().item() * 100)


def train(
    loader: DataLoader[Any],
    model: nn.Module,
    criterion: nn.Module,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
    epoch: int,
) -> Iterator[int]:
    """One epoch; the number of images after each step."""
    losses, top1 = AverageMeter(), AverageMeter()
    model.train()
    for step, (images, label) in enumerate(loader):
        images = images.to(device, non_blocking=True)
        label = label.to(device, non_blocking=True)
        images, label_a, label_b, share = mixup(images, label, alpha=1.0)
        output = model(images)
        loss = share * criterion(output, label_a) + (1 - share) * criterion(output, label_b)
        losses.update(loss.item(), len(label))
        top1.update(accuracy(output, label), len(label))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % PRINT_FREQUENCY == 0:
            print(f"epoch {epoch} [{step}/{len(loader)}]  loss {losses.average:.4f}  top-1 {top1.average:.2f}")
        yield len(label)


def training(data: str, workers: int = WORKERS) -> Training:
    """The loop on the arrays of a file, on the GPU where there is one; endless epochs at the first learning rate.

    `workers` are the processes of its DataLoader.
    """
    found = stored.load(data)
    size = found.train_images.shape[1]
    transform = transforms.Compose(
        [
            transforms.RandomCrop(size, padding=4),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda" if on_gpu else "cpu")
    torch.backends.cudnn.benchmark = True
    loader = DataLoader(
        LongTailedImages(found.train_images, found.train_labels, transform),
        batch_size=BATCH_SIZE,
        shuffle=True,
        num_workers=workers,
        pin_memory=on_gpu,
    )
    model = network.build("resnet32", 3, len(found.classes), seed=0).to(device)
    criterion = nn.CrossEntropyLoss().to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=2e-4)
    epochs = (train(loader, model, criterion, optimizer, device, epoch) for epoch in itertools.count(1))
    # By default PyTorch lets cuDNN round the inputs of float32 convolutions to TF32.
    precision = "float32 (TF32)" if on_gpu else "float32"
    facts = {"backbone": "resnet32", "image_size": size, "batch_size": BATCH_SIZE, "precision": precision}
    return Training(itertools.chain.from_iterable(epochs), facts)
