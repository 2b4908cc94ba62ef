"""ResNet-50 whose last block exists twice, as BBN builds it for iNaturalist (methods card "BBN")."""

from torch import nn
from torchvision.models.resnet import Bottleneck

from longtail.models import _resnet
from longtail.models._branches import TwoBranches, drawn

ONE_PIXEL = 32


def build(channels: int) -> TwoBranches:
    """A last stage of two blocks, and two blocks side by side on what they make: 2 x 2048 features."""
    network = _resnet.build(Bottleneck, [3, 4, 6, 3], channels)
    stem = [network.conv1, network.bn1, network.relu, network.maxpool]
    trunk = nn.Sequential(*stem, network.layer1, network.layer2, network.layer3, network.layer4[:2])
    blocks = TwoBranches(trunk, network.layer4[2], Bottleneck(2048, 512), feature_dim=4096)
    return drawn(blocks, mode="fan_out", nonlinearity="relu")
