"""Write the numbers and tables of committed results into the documents, between marks that no reader sees.

    python asv_bench/fill.py            fill README.md, docs/*.md, paper/*.md
    python asv_bench/fill.py --check    only say what would change; the exit status is 1 where something would

A number stands between ``<!--=NAME-->`` and ``<!--/-->``, a table between ``<!--table NAME-->`` and ``<!--/-->`` on
lines of their own.  The names are the keys of VALUES and TABLES in the modules of `quoted`.
"""

import importlib
import pkgutil
import re
import sys
from pathlib import Path

import quoted
from quoted.results import Results

__all__ = ["DOCUMENTS", "filled", "marks", "registered"]

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("README.md", "docs/*.md", "paper/*.md")
MARK = re.compile(r"<!--(?P<kind>=|table )(?P<name>[\w. -]+?)-->(?P<text>.*?)<!--/-->", re.DOTALL)


def registered():
    """Return VALUES and TABLES of all modules."""
    values, tables = {}, {}
    for module in pkgutil.iter_modules(quoted.__path__):
        found = importlib.import_module(f"quoted.{module.name}")
        values.update(getattr(found, "VALUES", {}))
        tables.update(getattr(found, "TABLES", {}))
    return values, tables


def documents():
    """Return the paths of the documents that are filled."""
    return [path for pattern in DOCUMENTS for path in sorted(ROOT.glob(pattern))]


def marks(text):
    """Return the kind, name and text of each mark."""
    return [(m["kind"].strip(), m["name"], m["text"]) for m in MARK.finditer(text)]


def filled(text, results, registry=None):
    """Return a document with its numbers and tables.

    Raises
    ------
    LookupError
        Where a mark has an unknown name.
    """
    values, tables = registry or registered()

    def put(match):
        kind, name = match["kind"], match["name"]
        known = values if kind == "=" else tables
        if name not in known:
            raise LookupError(f"no {'number' if kind == '=' else 'table'} has the name {name!r}")
        made = known[name](results)
        return f"<!--{kind}{name}-->{made}<!--/-->" if kind == "=" else f"<!--table {name}-->\n\n{made}\n\n<!--/-->"

    return MARK.sub(put, text)


def main():
    """Fill all documents, or compare."""
    results, registry, changed = Results(), registered(), []
    for path in documents():
        before = path.read_text(encoding="utf-8")
        after = filled(before, results, registry)
        if after != before:
            changed.append(path.relative_to(ROOT))
            if "--check" not in sys.argv:
                path.write_text(after, encoding="utf-8")
    for path in changed:
        print(path)
    return bool(changed) and "--check" in sys.argv


if __name__ == "__main__":
    sys.exit(main())
