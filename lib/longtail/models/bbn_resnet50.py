"""ResNet-50 whose last block exists twice, as BBN builds it for iNaturalist (methods card "BBN")."""

from torch import nn
from torchvision.models.resnet import Bottleneck

from longtail.models import _resnet
from longtail.models._branches import TwoBranches, drawn

ONE_PIXEL = 32
LAST_STAGE = ["trunk.7", "conventional", "rebalancing"]
# Both branches start from the last block.
STARTS_AS = {
    "trunk.0": "conv1",
    "trunk.1": "bn1",
    "trunk.4": "layer1",
    "trunk.5": "layer2",
    "trunk.6": "layer3",
    "trunk.7": "layer4",
    "conventional": "layer4.2",
    "rebalancing": "layer4.2",
}


def build(channels: int) -> TwoBranches:
    """A last stage of two blocks, and two blocks side by side on what they make: 2 x 2048 features."""
    network = _resnet.build(Bottleneck, [3, 4, 6, 3], channels)
    stem = [network.conv1, network.bn1, network.relu, network.maxpool]
    trunk = nn.Sequential(*stem, network.layer1, network.layer2, network.layer3, network.layer4[:2])
    blocks = TwoBranches(trunk, network.layer4[2], Bottleneck(2048, 512), feature_dim=4096)
    return drawn(blocks, mode="fan_out", nonlinearity="relu")
