"""The cores and GPUs that jobs request."""

from typing import Any

from longtail.config.registry import Registry
from longtail.config.sources import is_streamed
from longtail.runtime import gpus


class Resources:
    """Cores and GPUs that the jobs of one configuration request on this machine."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        compute = registry.config["compute"]
        present = len(gpus.devices())
        # A job that will run on the CPU must not wait for a GPU.
        self.gpus = int(compute["device"] == "cuda" or (compute["device"] == "auto" and present > 0))
        self.gpus_of_stage1 = self.gpus * min(compute["processes"], max(1, present))
        self.workers = int(compute["workers"])
        self.jobs_per_gpu = compute["jobs_per_gpu"]
        self.gpu_slots = max(1, present) * compute["jobs_per_gpu"]
        self.one_process = bool(compute["one_process"])
        self.processes = int(compute["processes"])
        self.threads_each = int(compute["threads"])
        # Cores of one training.
        self.cores = self.threads_each * self.processes

    def threads(self, w: Any, processes: int = 1) -> int:
        """Cores of a job: for computing, and for decoding images if the data set stays in files."""
        decoding = self.workers if is_streamed(self.registry.datasets[w.dataset]) else 0
        return self.threads_each * processes + decoding
