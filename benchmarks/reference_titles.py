"""The reference for trainings on titles: a plain loop on PyTorch's own layers.

Titles are kept as text and become numbers one by one in the processes of a DataLoader, whose collate function stacks
them; float32, Adam, the loss read after every step. Networks and recipe are those of the engine.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import torch
from benchmarks import data as stored
from benchmarks.reference import BATCH_SIZE, WORKERS, AverageMeter, accuracy
from benchmarks.worker import Training
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

FIRST = 0x4E00  # of the characters that stand for numbers


class TextCNN(nn.Module):
    """Filters of two dimensions over one channel."""

    feature_dim = 768

    def __init__(self, width: int) -> None:
        super().__init__()
        self.filters = nn.ModuleList(nn.Conv2d(1, 256, (size, width)) for size in (2, 3, 4))
        self.dropout = nn.Dropout(0.5)

    def forward(self, vectors: Tensor) -> Tensor:
        """Vectors [B, L, D] to features."""
        maps = [F.relu(conv(vectors[:, None])).squeeze(3) for conv in self.filters]
        features: Tensor = self.dropout(torch.cat([F.max_pool1d(each, each.shape[2]).squeeze(2) for each in maps], 1))
        return features


class TextRNN(nn.Module):
    """PyTorch's LSTM of two layers."""

    feature_dim = 256

    def __init__(self, width: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width, 128, 2, batch_first=True, bidirectional=True, dropout=0.5)

    def forward(self, vectors: Tensor) -> Tensor:
        """Vectors [B, L, D] to features."""
        states: Tensor = self.lstm(vectors)[0]
        return states[:, -1]


class Transformer(nn.Module):
    """PyTorch's encoder of two layers."""

    def __init__(self, width: int, length: int) -> None:
        super().__init__()
        self.feature_dim = width * length
        self.positions = nn.Parameter(torch.zeros(length, width), requires_grad=False)
        self.dropout = nn.Dropout(0.5)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(width, 5, 1024, 0.5, batch_first=True), 2)

    def forward(self, vectors: Tensor) -> Tensor:
        """Vectors [B, L, D] to features."""
        features: Tensor = self.encoder(self.dropout(vectors + self.positions)).flatten(1)
        return features


class TextTitles(Dataset[tuple[str, int]]):
    """A title and its label at a time."""

    def __init__(self, titles: list[str], labels: list[int]) -> None:
        self.titles, self.labels = titles, labels

    def __len__(self) -> int:
        return len(self.titles)

    def __getitem__(self, index: int) -> tuple[str, int]:
        return self.titles[index], self.labels[index]


class Collate:
    """Characters of every title looked up one by one, then a tensor of all."""

    def __init__(self, vocabulary: dict[str, int], length: int) -> None:
        self.vocabulary, self.length = vocabulary, length

    def __call__(self, samples: list[tuple[str, int]]) -> tuple[Tensor, Tensor]:
        unknown = len(self.vocabulary)
        rows = []
        for title, _ in samples:
            row = [self.vocabulary.get(character, unknown) for character in title[: self.length]]
            rows.append(row + [unknown] * (self.length - len(row)))
        return torch.tensor(rows), torch.tensor([label for _, label in samples])


def train(
    loader: DataLoader[Any], model: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device
) -> Iterator[int]:
    """One epoch; the number of titles after each step."""
    losses, top1 = AverageMeter(), AverageMeter()
    model.train()
    for titles, labels in loader:
        titles, labels = titles.to(device), labels.to(device)
        output = model(titles)
        loss = F.cross_entropy(output, labels)
        losses.update(loss.item(), len(labels))
        top1.update(accuracy(output, labels), len(labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield len(labels)


def training(data: str, backbone: str, threads: int) -> Training:
    """The loop on the titles of a file, in `threads`, or on the GPU where there is one; endless epochs."""
    torch.set_num_threads(threads)
    found = stored.load_titles(data)
    length, width = found.train_titles.shape[1], found.vectors.shape[1]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    titles = ["".join(chr(FIRST + number) for number in row) for row in found.train_titles.tolist()]
    collate = Collate({chr(FIRST + number): number for number in range(len(found.vectors))}, length)
    dataset = TextTitles(titles, found.train_labels.tolist())
    loader = DataLoader(dataset, BATCH_SIZE, shuffle=True, num_workers=WORKERS, collate_fn=collate)
    body: Any = {"textcnn": TextCNN, "textrnn": TextRNN, "transformer": lambda width: Transformer(width, length)}
    built = body[backbone](width)
    embedding = nn.Embedding(*found.vectors.shape)
    model = nn.Sequential(embedding, built, nn.Linear(built.feature_dim, len(found.classes))).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    epochs = (train(loader, model, optimizer, device) for _ in itertools.count(1))
    facts = {"backbone": backbone, "image_size": length, "batch_size": BATCH_SIZE, "precision": "float32"}
    return Training(itertools.chain.from_iterable(epochs), facts)
