"""Publish the benchmarks as pages that work without a network.

    python asv_bench/pages.py                    the committed results, to asv_bench/html
    python asv_bench/pages.py --out DIR          to another folder
    cd asv_bench && asv preview                  look at them

asv's own pages load what they draw with over the network; here those files come from `asv_bench/vendor`.  The front
page shows the comparisons of strategies and tools in `asv_bench/results`, as `mmad bench --out DIR` writes them:
performance profiles, tables, and what could not be done.  asv's pages are a click away, as `grid.html`.  asv is needed,
and matplotlib for the pictures.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from config import HERE, RESULTS, write_config
from front import front_page

__all__ = ["loaded_from_elsewhere", "localised", "publish"]

VENDOR = HERE / "vendor"
LOADED = re.compile(r'<(script|link)\b[^>]*?\b(?:src|href)="((?:https?:)?//[^"]+)"[^>]*>')


def vendored():
    """Return the file of `asv_bench/vendor` for each name that asv loads, from the table of its README."""
    rows = (line.split("|") for line in (VENDOR / "README.md").read_text().splitlines() if line.startswith("| `"))
    return {row[4].strip(" `"): row[1].strip(" `") for row in rows}


def loaded_from_elsewhere(page):
    """Return the addresses of scripts, styles and pictures that a page loads from another machine."""
    pictures = re.findall(r'<(?:img|iframe|source)\b[^>]*?\bsrc="((?:https?:)?//[^"]+)"', page)
    return [address for _, address in LOADED.findall(page)] + pictures


def localised(page):
    """Return a page that takes from the folder `vendor` what it loads from elsewhere.

    Raises
    ------
    LookupError
        Where it loads something that is not there: another version of asv does.
    """
    files = vendored()

    def replaced(match):
        kind, address = match.groups()
        name = address.rpartition("/")[2]
        if name not in files:
            raise LookupError(f"asv's page loads {name}, which is not in {VENDOR}: see its README.md")
        local = f"vendor/{files[name]}"
        return f'<script src="{local}">' if kind == "script" else f'<link rel="stylesheet" href="{local}">'

    return LOADED.sub(replaced, page)


def publish(out, results=RESULTS, draw=True):
    """Write all pages to a folder, which is emptied first.

    Parameters
    ----------
    out, results : path
    draw : bool
        Draw the pictures of the front page.
    """
    out = Path(out).resolve()
    if not (Path(results) / "benchmarks.json").exists():
        raise SystemExit("no results to publish: python asv_bench/measure.py, or cd asv_bench && asv run")
    with tempfile.TemporaryDirectory() as folder:
        given = "--config", str(write_config(folder, results)), "--html-dir", str(out)
        subprocess.run([sys.executable, "-m", "asv", "publish", "--no-pull", *given], cwd=HERE, check=True)
    grid = localised((out / "index.html").read_text())
    home = '<li><a href="index.html">mmad</a></li>\n\t<li id="nav-li-" class="active">'
    grid = grid.replace('<li id="nav-li-" class="active">', home).replace(
        "<title>airspeed velocity", "<title>mmad: asv"
    )
    (out / "grid.html").write_text(grid)
    shutil.copytree(VENDOR, out / "vendor")
    leave_out_unmeasured(out)
    feed = out / "regressions.xml"
    if feed.exists():
        feed.write_text(feed.read_text().replace("index.html#", "grid.html#"))
    (out / "index.html").write_text(front_page(results, out, draw=draw))


def leave_out_unmeasured(out):
    """Take benchmarks without a result off asv's pages, which ask for their graphs in vain."""
    path = out / "index.json"
    index = json.loads(path.read_text())
    measured = {graph.stem for graph in (out / "graphs" / "summary").glob("*.json")}
    index["benchmarks"] = {name: entry for name, entry in index["benchmarks"].items() if name in measured}
    path.write_text(json.dumps(index))


def main():
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--out", default=HERE / "html", metavar="DIR", help="where to (default: asv_bench/html)")
    parser.add_argument("--results", default=RESULTS, metavar="DIR", help="what is shown (default: asv_bench/results)")
    parser.add_argument("--no-pictures", action="store_true", help="tables only: matplotlib is not needed")
    options = parser.parse_args()
    publish(options.out, options.results, not options.no_pictures)
    print(f"published: {Path(options.out).resolve() / 'index.html'}")


if __name__ == "__main__":
    sys.exit(main())
