"""ResNet-32 whose last block exists twice, as BBN, De-confound-TDE and LADE build it (methods card 1.4)."""

from torch import nn

from longtail.models import resnet32
from longtail.models._branches import TwoBranches, drawn

fuse = resnet32.fuse
ONE_PIXEL = 4
LAST_STAGE = ["trunk.5", "trunk.6", "trunk.7", "trunk.8", "conventional", "rebalancing"]
# Both branches start from the last block.
STARTS_AS = {
    "trunk.0": "conv1",
    "trunk.1": "bn1",
    "trunk.3": "stages.0",
    "trunk.4": "stages.1",
    "trunk.5": "stages.2.0",
    "trunk.6": "stages.2.1",
    "trunk.7": "stages.2.2",
    "trunk.8": "stages.2.3",
    "conventional": "stages.2.4",
    "rebalancing": "stages.2.4",
}


def build(channels: int) -> TwoBranches:
    """A third stage of four blocks, and two blocks side by side on what they make: 2 x 64 features."""
    network = resnet32.ResNet32(channels)
    *stages, last = network.stages
    *shared, conventional = last.children()
    trunk = nn.Sequential(network.conv1, network.bn1, nn.ReLU(inplace=True), *stages, *shared)
    return drawn(TwoBranches(trunk, conventional, resnet32.BasicBlock(64, 64, 1), feature_dim=128))
