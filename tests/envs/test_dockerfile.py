"""The image is of the lock and of a clean checkout."""

import re

from envs import generate

from longtail.runtime.fingerprint import ROOT

DOCKERFILE = (ROOT / "envs" / "Dockerfile").read_text()


def test_its_python_is_that_of_the_conda_environments_and_exact() -> None:
    (base,) = re.findall(r"^FROM (.+)$", DOCKERFILE, re.MULTILINE)

    assert re.fullmatch(rf"python:{re.escape(generate.PYTHON)}-slim-\w+@sha256:[0-9a-f]{{64}}", base)


def test_its_packages_are_the_locks() -> None:
    assert re.search(r"^RUN pip install --no-cache-dir uv==[\d.]+$", DOCKERFILE, re.MULTILINE)
    assert re.search(r"^RUN uv sync --frozen --no-dev --no-install-project ", DOCKERFILE, re.MULTILINE)
    assert re.search(r"^RUN uv sync --frozen --no-dev --no-cache ", DOCKERFILE, re.MULTILINE)
    assert len(re.findall(r"\b(?:pip|uv) ", DOCKERFILE)) == 3


def test_it_leaves_out_what_git_ignores_and_nothing_else() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    in_docker = [
        f"{line[0] if line[0] == '!' else ''}{line.strip('!/')}"
        if line.strip("!").startswith("/")
        else f"**/{line.strip('/')}"
        for line in ignored
    ]

    assert (ROOT / ".dockerignore").read_text().splitlines()[1:] == in_docker
