"""Build paper.pdf and report.pdf of the Markdown files in this folder, without a network.

    pip install ".[paper]" && python paper/build.py

The figures are drawn from the committed results first.  Pandoc turns Markdown into Typst's language, citations
included; Typst sets it.
"""

import sys
import tempfile
from pathlib import Path

import pypandoc
import typst

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
DOCUMENTS = ("paper", "report")


def draw(folder):
    """Draw the figures that the documents show, as SVG and PNG."""
    sys.path.insert(0, str(ROOT / "asv_bench"))
    from quoted.figures import draw_all

    draw_all(folder)


def typst_of(name):
    """Return a document in Typst's language."""
    arguments = [
        "--citeproc",
        "--standalone",
        f"--bibliography={HERE / 'paper.bib'}",
        f"--template={HERE / 'template.typ'}",
        f"--lua-filter={HERE / 'filter.lua'}",
        *(["--variable=numbered"] if name == "report" else []),
    ]
    source = "markdown+raw_tex+raw_html-implicit_figures+implicit_figures"
    return pypandoc.convert_file(str(HERE / f"{name}.md"), "typst", format=source, extra_args=arguments)


def build(name, out):
    """Write the PDF of a document, and return its path."""
    with tempfile.TemporaryDirectory(dir=HERE) as folder:  # Typst reads figures below its root only
        text = Path(folder) / f"{name}.typ"
        text.write_text(typst_of(name).replace('image("', 'image("../'), encoding="utf-8")
        path = Path(out) / f"{name}.pdf"
        path.parent.mkdir(parents=True, exist_ok=True)
        typst.compile(str(text), output=str(path), root=str(HERE))
    return path


def main():
    """Draw the figures and build both documents, in this folder or in the one that is named."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    draw(HERE / "figures")
    for name in DOCUMENTS:
        print(build(name, out))


if __name__ == "__main__":
    main()
