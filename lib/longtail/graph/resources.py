"""The cores and GPUs that jobs request."""

from typing import Any

from longtail.config import backbones
from longtail.config.registry import Registry
from longtail.config.sources import declared, is_streamed
from longtail.graph import sharing
from longtail.runtime import visible_gpus

# A GPU, where jobs take parts of it.
WHOLE = 100


class Resources:
    """Cores and GPUs that the jobs of one configuration request on this machine. `w` are always a rule's wildcards.

    `jobs_per_gpu` jobs share a GPU. With `compute.jobs_per_gpu: auto` (`is_automatic`) only small ones do, and it is
    1 until `share` has set it. `counts_parts` says whether Snakemake counts the parts of a GPU that jobs take.
    """

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        compute = registry.config["compute"]
        present = len(visible_gpus.names()) if compute["device"] != "cpu" else 0
        # A job that will run on the CPU must not wait for a GPU.
        self.gpus = int(compute["device"] == "cuda" or present > 0)
        self.present = max(1, present)
        self.gpus_of_stage1 = self.gpus * min(compute["processes"], self.present)
        self.workers = int(compute["workers"])
        self.one_process = bool(compute["one_process"])
        self.processes = int(compute["processes"])
        automatic = compute["jobs_per_gpu"] == sharing.AUTOMATIC
        # A training on several GPUs shares none of them.
        self.is_automatic, self.counts_parts = automatic and self.gpus > 0 and self.processes == 1, False
        self.share(1 if automatic else compute["jobs_per_gpu"])
        self.threads_each = int(compute["threads"])
        # Cores of one training.
        self.cores = self.threads_each * self.processes

    def share(self, jobs_per_gpu: int) -> None:
        """Let so many jobs share a GPU."""
        self.jobs_per_gpu = jobs_per_gpu
        self.gpu_slots = self.present * jobs_per_gpu

    @property
    def pools(self) -> dict[str, int]:
        """What Snakemake counts: jobs on GPUs, and where these take different parts of a GPU, the parts instead."""
        if not self.counts_parts:
            return {"gpu": self.gpu_slots}
        return {"gpu": self.present * WHOLE, "gpu_percent": self.present * WHOLE}

    def most_per_gpu(self, cores: int) -> int:
        """How many trainings with a core of `cores` for each thread there can be for each GPU."""
        return max(1, cores // (self.cores * self.present))

    def jobs_on_gpu(self, w: Any) -> int:
        """How many jobs share the GPU that a job uses."""
        return 1 if self.is_automatic and not self.is_small(w) else self.jobs_per_gpu

    def gpu_percent(self, w: Any, gpus: int) -> int | None:
        """What a job on `gpus` GPUs takes of them, of `WHOLE` for each; None where parts are not counted."""
        return gpus * (WHOLE // self.jobs_on_gpu(w)) if self.counts_parts else None

    def is_small(self, w: Any) -> bool:
        """Whether a job is one of those that share a GPU of their own accord."""
        data = self.registry.datasets[w.dataset]
        if is_streamed(data):
            return False
        return sharing.is_small(backbones.architecture(self.registry, w.backbone), declared(data, "side", 0))

    def threads(self, w: Any, processes: int = 1) -> int:
        """Cores of a job: for computing, and for decoding images if the data set stays in files."""
        decoding = self.workers if is_streamed(self.registry.datasets[w.dataset]) else 0
        return self.threads_each * processes + decoding
