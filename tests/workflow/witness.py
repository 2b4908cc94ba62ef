"""Put into an environment with a .pth file, it has every script there tell at its end where it took what from."""

import atexit
import json
import os
import sys
from pathlib import Path


def tell() -> None:
    """Write the script, the environment and the file of every top-level module into a file of its own."""
    files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items() if "." not in name}
    witness = {"script": sys.argv[0], "prefix": sys.prefix, "files": files}
    Path(os.environ["WITNESS"], f"{os.getpid()}.json").write_text(json.dumps(witness))


if "WITNESS" in os.environ:
    atexit.register(tell)
