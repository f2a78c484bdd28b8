"""`asv.conf.json` with other folders: asv has no options for them."""

import json
import re
import subprocess
from pathlib import Path

__all__ = ["HERE", "RESULTS", "git", "write_config"]

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"


def write_config(folder, results):
    """Write the configuration to a folder, with absolute paths and another folder of results; return the file.

    A clone without a branch main, such as one of a single commit, takes what is checked out instead.
    """
    text = re.sub(r"^\s*//.*$", "", (HERE / "asv.conf.json").read_text(), flags=re.MULTILINE)
    known = json.loads(text)
    paths = {"repo": HERE.parent, "benchmark_dir": HERE / "benchmarks", "results_dir": Path(results).resolve()}
    has = [branch for branch in known["branches"] if not git("rev-parse", "--verify", "--quiet", branch).returncode]
    changed = {key: str(value) for key, value in paths.items()}
    path = Path(folder, "asv.conf.json")
    path.write_text(json.dumps({**known, **changed, "branches": has or ["HEAD"]}))
    return path


def git(*arguments):
    """Run git in the checkout."""
    return subprocess.run(["git", *arguments], cwd=HERE, capture_output=True, text=True, check=False)
