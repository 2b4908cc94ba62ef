# The folder of this checkout. If another workflow uses this one as a module from a git repository, Snakemake reads single
# files of it, and the library needs them all: the commit is cloned, once, into .snakemake of the working directory.
import os
import subprocess
from pathlib import Path

from snakemake.sourcecache import LocalGitFile, LocalSourceFile


def cloned(source):
    if isinstance(source, LocalGitFile):
        repository = os.path.abspath(source.repo_path)
    else:
        repository = source.hosted_repo.repo_clone
    git = ["git", "-C", str(repository)]
    commit = subprocess.check_output(
        [*git, "rev-parse", f"{source.ref}^{{commit}}"], text=True
    ).strip()
    folder = Path(".snakemake", "longtail", commit).resolve()
    if not folder.is_dir():
        # A job may do the same at this moment: the finished clone appears under its name at once.
        new = folder.with_name(f"{commit}.{os.getpid()}")
        subprocess.run(
            ["git", "clone", "--quiet", "--no-checkout", str(repository), str(new)],
            check=True,
        )
        subprocess.run(
            ["git", "-C", str(new), "checkout", "--quiet", commit], check=True
        )
        new.rename(folder)
    return folder


SOURCE = workflow.current_basedir.join("..")
CHECKOUT = (
    Path(os.path.abspath(SOURCE.get_path_or_uri(secret_free=True)))
    if isinstance(SOURCE, LocalSourceFile)
    else cloned(SOURCE)
)
