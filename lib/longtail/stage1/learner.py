"""How a network learns in Stage 1; algorithms with steps of their own are subclasses."""

import logging
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtail.data.arrays import Data
from longtail.data.long_tail import Subset
from longtail.engine import batches, device, distributed, forms, graphs, objective, optimizer, schedule, seeding
from longtail.engine.batches import Batch, Mixed
from longtail.engine.distributed import ALONE, World
from longtail.engine.forms import Examples, Form
from longtail.engine.progress import State
from longtail.engine.seeding import Epoch
from longtail.features.hold_out import hold_out
from longtail.models import network
from longtail.models.network import Network
from longtail.runtime import parts
from longtail.runtime.errors import InputError
from longtail.settings.part import Part
from longtail.settings.recipe import Rates
from longtail.settings.stage1 import Stage1
from longtail.stage1.weighting import Weighting
from longtail.stage1.weights import Weights

log = logging.getLogger(__name__)
Pool = tuple[Data, NDArray[np.int64], NDArray[np.int64]]
# The role of the network that provides the initial backbone; algorithms declare further roles.
START = "start"
NONE: Mapping[str, State] = MappingProxyType({})


class Stage1Learner:
    """End-to-end training with the head, loss, mixing, sampler, weights and recipe of a method's `stage1` block.

    An algorithm overrides what it does differently: the training set (`pool`), the outputs of the network
    (`target_counts`), the initial network (`build_network`), what is kept beside it from step to step
    (`build_memory`), the batches of an epoch, the step, the test. `own` are the settings of the algorithm itself,
    `networks` the states of the finished networks that it reads, by role, `weights` those that the backbone starts
    from. Stages that the recipe freezes stay as they are.
    """

    # Whether its steps may use fused kernels, which have gradients, but no derivatives of other kinds.
    fusible = True

    def __init__(
        self,
        data: Data,
        subset: Subset,
        settings: Stage1,
        workers: int = 0,
        world: World = ALONE,
        networks: Mapping[str, State] = NONE,
        weights: Weights | None = None,
    ) -> None:
        self.settings = settings
        self.networks = networks
        self.weights = weights
        self.own = settings.algorithm.settings
        self.world = world
        self.backend = device.prepare(settings.compute, world.rank)
        self.micro_batches = settings.compute.micro_batches
        where = self.backend.device
        pool, indices, self.labels = self.pool(data, subset)
        form = forms.of(pool, settings.preprocessing, where, workers, world)
        if world.size == 1:  # several processes have a common batch norm
            recipe, backbone = settings.recipe, settings.backbone
            schedule.check_batches(recipe, backbone, self.kept, form.side, self.micro_batches, "Stage 1")
        self.train = form.training(indices, augment=True)
        self.test = form.testing()
        self.test_labels = torch.from_numpy(data.test_labels).to(where)
        self.validation = form.validation() or self._held_out(data, subset, form)
        self.validation_loss: Callable[[], float] | None = self._validation_loss if self.validation else None
        self.normalise = form.normalise
        counts = self.target_counts(data, subset)
        built = self.build_network(form, len(counts))
        built.freeze(settings.recipe.frozen)
        self.module: torch.nn.Module = built.to(where).to(memory_format=torch.channels_last)
        features: Any = built.backbone.feature_dim
        self.memory = self.build_memory(features, len(counts)).to(where)
        if world.size > 1:
            self._check_no_memory()
            self.module = distributed.share_batch_norm(self.module)
        if self.backend.fused:
            self._fuse(built)
        self.criterion = parts.find("losses", settings.loss.name).build(settings.loss.settings, counts).to(where)
        self.label_share = batches.label_share(settings.mixing, counts)
        self.weighting = Weighting(settings, counts, where)
        self.drops: bool = parts.literal("models", settings.backbone, "DRAWS", False)
        self.optimizer = optimizer.build(_groups(built, settings.recipe.rates), settings.recipe)
        self.infer: objective.Inference = graphs.Captured(self._infer) if self.backend.capture else self._infer

    def pool(self, data: Data, subset: Subset) -> Pool:
        """The training set: data, indices [N] of its training examples, and their labels [N].

        Sets `kept`, the number of examples that the length of an epoch is based on.
        """
        self.kept = len(subset.indices)
        return data, subset.indices, data.train_labels[subset.indices]

    def target_counts(self, data: Data, subset: Subset) -> list[int]:
        """Number of training examples of each output of the network, here of each class."""
        return subset.counts

    def build_network(self, form: Form, outputs: int) -> Network:
        """The network that training starts from."""
        settings, seed = self.settings, self.settings.seeds.initialisation
        pretrained, head = settings.pretrained, settings.head
        built = network.build(settings.backbone, form.inputs, outputs, seed, pretrained, head)
        if self.weights is not None:
            self.weights.fill(built.backbone, settings.backbone)
        if START in self.networks:
            network.start_from(built, self.networks[START])
        return built

    def build_memory(self, features: int, outputs: int) -> torch.nn.Module:
        """A module of buffers that steps change in place: saved and resumed with the network, but no part of it.

        `features` is the number of features of the backbone. Several processes cannot share it.
        """
        return torch.nn.Module()

    def epoch(self, number: int, first_batch: int = 0) -> Epoch:
        """Epoch `number` of Stage 1, counted from 1."""
        return Epoch(number, self.settings.seeds.order, 1, first_batch)

    def batches(self, epoch: Epoch) -> Iterator[Batch]:
        """Augmented batches, with partners if they are mixed."""
        self.begin(epoch)
        drawn = self.in_order(self.order(epoch), self.settings.recipe.batch_size, epoch)
        return batches.seeded(drawn, epoch) if self.drops else drawn

    def begin(self, epoch: Epoch) -> None:
        """Prepare module and weights for the steps of an epoch."""
        self.module.train()
        self.weighting.begin(self.is_deferred(epoch))

    def is_deferred(self, epoch: Epoch) -> bool:
        """Whether the deferred part of the method is active."""
        return schedule.is_deferred(self.settings.recipe, epoch.number)

    def order(
        self,
        epoch: Epoch,
        labels: NDArray[np.int64] | None = None,
        sampler: Part | None = None,
        draws: int | None = None,
        purpose: int = seeding.ORDER,
    ) -> NDArray[np.int64]:
        """Rows of the pool as a sampler draws them in an epoch.

        By default the sampler of this epoch draws from all labels, as often as the recipe says for `kept` examples.
        """
        size = self.kept if labels is None else len(labels)
        labels = self.labels if labels is None else labels
        draws = schedule.draws(self.settings.recipe, size) if draws is None else draws
        return batches.drawn_order(sampler or self._sampler(epoch), labels, draws, epoch, purpose)

    def in_order(self, order: NDArray[np.int64], size: int, epoch: Epoch) -> Iterator[Batch]:
        """Batches of `size` examples in an order, augmented and mixed as the settings say."""
        settings = self.settings
        mixing, augmentation = settings.mixing, settings.randaugment
        return batches.in_order(self.train, self.labels, order, size, epoch, mixing, augmentation)

    def prepare(self, batch: Batch) -> Mixed:
        """Normalised, mixed examples, with the weights of their labels."""
        return self.weighting(batches.mix(self.normalise(batch.inputs), batch, self.label_share))

    def loss(self, batch: Mixed) -> Tensor:
        """Mean loss of a batch: the forward pass in the chosen precision, the loss itself in float32."""
        with self.backend.autocast():
            logits = self.module(batch.inputs)
        return objective.batch_loss(self.criterion, logits, batch)

    def test_top1(self) -> float:
        """Accuracy on the whole test set."""
        self.module.eval()
        return objective.shared_top1(self.infer, self.test, self.test_labels, self.world)

    def _check_no_memory(self) -> None:
        if self.memory.state_dict():
            raise InputError(
                f"algorithm {self.settings.algorithm.name} keeps a memory beside the network, which several "
                "processes do not share: set compute.processes: 1"
            )

    def _fuse(self, built: Network) -> None:
        if self.world.size > 1:
            log.warning("compute.fused has no effect: several processes share their batch norm")
        elif not self.fusible:
            name = self.settings.algorithm.name
            log.warning("compute.fused has no effect: algorithm %s differentiates gradients", name)
        else:
            network.fuse(built, self.settings.backbone, self.backend.precision)

    def _held_out(self, data: Data, subset: Subset, form: Form) -> tuple[Examples, Tensor] | None:
        """The hold-out with its labels for a recipe that stops early on data without a validation split."""
        if self.settings.recipe.early_stopping is None:
            return None
        rows = hold_out(data.train_labels, subset, len(data.classes))
        if not len(rows):
            return None
        labels = torch.from_numpy(data.train_labels[rows]).to(self.backend.device)
        return form.training(rows, augment=False), labels

    def _validation_loss(self) -> float:
        """Mean cross-entropy on the validation split; the network is in training mode afterwards."""
        assert self.validation is not None
        self.module.eval()
        loss = objective.mean_cross_entropy(self.infer, *self.validation)
        self.module.train()
        return loss

    def _sampler(self, epoch: Epoch) -> Part:
        deferred = self.settings.deferred.sampler if self.settings.deferred else None
        return deferred if deferred and self.is_deferred(epoch) else self.settings.sampler

    def _infer(self, inputs: Tensor) -> Tensor:
        with self.backend.autocast():
            return self.module(self.normalise(inputs))  # type: ignore[no-any-return]


def _groups(built: Network, rates: Rates | None) -> list[dict[str, Any]]:
    """Optimiser groups of all trainable parameters, by learning rate and weight decay.

    `rates` are multiples of the recipe's rate, 1 where there are none. Parameters that the classifier lists as
    `undecayed` have no weight decay.
    """
    undecayed = {f"classifier.{name}" for name in getattr(built.classifier, "undecayed", ())}
    groups: dict[tuple[float, bool], list[torch.nn.Parameter]] = {}
    for name, parameter in built.named_parameters():
        if parameter.requires_grad:
            owner, _, rest = name.partition(".")
            part = "head" if owner == "classifier" else built.stage_of(rest)
            groups.setdefault((getattr(rates, part, 1.0), name in undecayed), []).append(parameter)
    return [
        {"params": parameters, "rate_factor": rate} | ({"weight_decay": 0.0} if is_undecayed else {})
        for (rate, is_undecayed), parameters in groups.items()
    ]
