"""ResNet-32 whose last block exists twice, as BBN, De-confound-TDE and LADE build it (methods card 1.4)."""

from torch import nn

from longtail.models import resnet32
from longtail.models._branches import TwoBranches, drawn

ONE_PIXEL = 4


def build(channels: int) -> TwoBranches:
    """A third stage of four blocks, and two blocks side by side on what they make: 2 x 64 features."""
    network = resnet32.ResNet32(channels)
    *stages, last = network.stages
    *shared, conventional = last.children()
    trunk = nn.Sequential(network.conv1, network.bn1, nn.ReLU(inplace=True), *stages, *shared)
    return drawn(TwoBranches(trunk, conventional, resnet32.BasicBlock(64, 64, 1), feature_dim=128))
