"""Numbers in documents are those of committed results; the paper has the form that it must have; both PDFs build."""

import functools
import importlib
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
if not (ROOT / "paper").exists() or not (ROOT / "asv_bench").exists():
    pytest.skip("the paper or the benchmarks are not here", allow_module_level=True)

SECTIONS = [
    "Summary", "Statement of need", "State of the field", "Software design", "Research impact statement",
    "AI usage disclosure", "Acknowledgements", "References",
]  # fmt: skip
#: Numbers with a unit that are no measurements of ours, in the paper's folder: what they are.
SOURCED = {
    "568.8 ns": "Innes et al. 2019, for Zygote",
    "24 bytes": "the size of a node, mmad/kernels/_node.h",
    "8 KB": "the largest block of float64, LONGEST_BLOCK of mmad/compiler/assembly/_groups.pyx",
    "10 µs": "what dispatch to another thread costs JAX, said with some",
    "5 %": "the bound of equal choices, asv_bench/experiments/regret.py",
}
UNITS = r"(?:ns|µs|us|ms|s|min|MB|KB|kB|GB|bytes|%|times|x)"
NUMBER = re.compile(rf"(?<![\w.])\d[\d .,]*\d?\s?{UNITS}(?![\w])")


@functools.cache
def tool(name):
    """A module of asv_bench."""
    sys.path.insert(0, str(ROOT / "asv_bench"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(ROOT / "asv_bench"))


def documents():
    return [path.relative_to(ROOT).as_posix() for path in tool("fill").documents()]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def prose(name):
    """A document without what is filled in, and without code, tables and metadata."""
    text = re.sub(r"\A---\n.*?\n---\n", "", read(name), flags=re.DOTALL)
    text = tool("fill").MARK.sub(" ", text)
    text = re.sub(r"\{#fig:[^}]*\}", " ", text)  # the width of a figure
    text = re.sub(r"```.*?```", " ", text, flags=re.DOTALL)
    return re.sub(r"`[^`\n]*`", " ", text)


@pytest.mark.parametrize("name", documents())
def test_numbers_and_tables_are_those_of_the_results(name):
    fill = tool("fill")
    text = read(name)
    filled = fill.filled(text, tool("quoted.results").Results())
    for (kind, mark, ours), (_, _, right) in zip(fill.marks(text), fill.marks(filled), strict=True):
        assert ours == right, f"{name}: {kind} {mark}; run  python asv_bench/fill.py"
    assert text == filled


@pytest.mark.parametrize("name", ["README.md", "paper/paper.md", "paper/report.md"])
def test_every_number_with_a_unit_is_filled_in(name):
    """What is not, has a source."""
    found = [re.sub(r"\s", " ", number) for number in NUMBER.findall(prose(name))]
    assert not [number for number in found if number not in SOURCED]


def test_a_changed_number_is_found():
    fill = tool("fill")
    results = tool("quoted.results").Results()
    text = fill.filled("<!--=tools.cases--><!--/-->", results)
    assert fill.marks(text)[0][2].isdigit()
    assert fill.filled(text.replace("-->", "-->1", 1), results) == text
    with pytest.raises(LookupError, match="no such"):
        fill.filled("<!--=no such--><!--/-->", results)


def test_results_name_no_folder():
    """Absolute paths tell of one machine, and of whose it is."""
    results = ROOT / "asv_bench" / "results"
    paths = [p for p in results.rglob("*.json") if re.search(r"[\"'( ](?:/[\w.+-]+){2,}|[A-Z]:\\\\", p.read_text())]
    assert paths == []


def test_the_paper_has_the_journal_s_sections():
    assert re.findall(r"^# (.+)$", read("paper/paper.md"), flags=re.MULTILINE) == SECTIONS


def test_the_paper_is_as_long_as_it_may_be():
    text = re.sub(r"<!--.*?-->", "", read("paper/paper.md"))
    words = len(re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL).split())
    assert 750 <= words <= 1750


def test_citations_and_entries_are_the_same():
    entries = set(re.findall(r"^@\w+\{(\w+),", read("paper/paper.bib"), flags=re.MULTILINE))
    cited = set()
    for name in ("paper/paper.md", "paper/report.md"):
        cited |= set(re.findall(r"(?<![\w.])@([a-z]\w+)", prose(name)))
    assert cited == entries


@pytest.mark.parametrize("name", ["paper/paper.md", "paper/report.md", "README.md"])
def test_figures_are_there(name):
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", re.sub(r"\[@\w+\]", "", read(name))):
        assert (ROOT / name).parent.joinpath(path).exists(), path


@pytest.mark.parametrize("name", ["paper", "report"])
def test_the_documents_build(name, tmp_path):
    pytest.importorskip("pypandoc")
    pytest.importorskip("typst")
    sys.path.insert(0, str(ROOT / "paper"))
    try:
        build = importlib.import_module("build")
    finally:
        sys.path.remove(str(ROOT / "paper"))
    source = build.typst_of(name)
    assert "#table(" in source
    assert "autoref" not in source
    assert "<!--" not in source
    assert build.build(name, tmp_path).read_bytes().startswith(b"%PDF")
