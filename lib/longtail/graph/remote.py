"""Checks a plan whose jobs run on other machines that do not see the files of this one."""

from longtail.config import backbones, own, sources
from longtail.config.blame import blaming, place
from longtail.graph.graph import Graph
from longtail.runtime.errors import InputError


def check(graph: Graph) -> None:
    """Raises InputError for images that are streamed from files, and for weights in a file of this machine.

    Everything else that lies on this machine is read by local jobs.
    """
    registry = graph.registry
    with blaming(graph.files, graph.arguments):
        for name in graph.plan.datasets:
            definition, where = registry.datasets[name], place("dataset", name, registry.config["datasets"])
            if sources.is_streamed(definition):
                raise InputError(
                    f"{where}: its images are read from files of this machine, which jobs do not see: run it where "
                    "all machines share a file system, or remove its tables and figures"
                )
            if own.steps(registry, name) and any(
                definition[key] for key in sources.paths(sources.keys(definition["kind"]))
            ):
                raise InputError(
                    f"{where}: its schedule fits the number of images, which jobs on other machines cannot count: "
                    "set steps: null, and name recipes"
                )
            for key in sources.paths(sources.keys_of_backbones()):
                if definition[key] is not None:
                    raise InputError(
                        f"{where}, key '{key}': jobs do not see {definition[key]} of this machine: remove it"
                    )
        for name in graph.plan.weights:
            entry = registry.config["backbones"][name]
            if backbones.archive(entry) is None:
                raise InputError(
                    f"{backbones.where(name)}, key 'weights': jobs do not see {backbones.place(entry)} of this "
                    "machine: name weights that torchvision has published"
                )
