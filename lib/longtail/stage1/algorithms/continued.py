"""Continued training: another recipe, sampler or mixing takes over a finished network, its classifier included."""

from longtail.engine.forms import Form
from longtail.models import network
from longtail.models.network import Network
from longtail.stage1.learner import START, Stage1Learner

NETWORKS = ["start"]
CONTINUES = True


class Learner(Stage1Learner):
    """All layers start from those of the network `start`, and all learn; the optimiser starts anew."""

    def build_network(self, form: Form, outputs: int) -> Network:
        """The whole network `start`."""
        built = super().build_network(form, outputs)
        network.continue_from(built, self.networks[START])
        return built
