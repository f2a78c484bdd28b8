"""The pages of the benchmarks: nothing is loaded from elsewhere, and the front page says what results say."""

import hashlib
import importlib
import json
import re
import sys
from pathlib import Path

import pytest

from mmad.bench.measure import Outcome, Timing
from mmad.bench.results import save

FOLDER = Path(__file__).parents[2] / "asv_bench"
if not (FOLDER / "vendor").exists():
    pytest.skip("the files of the pages are not here", allow_module_level=True)

WHERE = {"processor": "A <fast> one", "python": "3.11", "time": "2026-01-01T00:00:00", "commit": "0123456789abcdef"}


def module_of(name):
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(FOLDER))


pages, front, measure = map(module_of, ("pages", "front", "measure"))


def outcome(contestant, seconds, *, n=10, status="done", reason="", control=False):
    timing = Timing(seconds, seconds, seconds) if status == "done" else None
    first = Timing(10 * seconds, seconds, seconds) if status == "done" else None
    return Outcome(contestant, "rosenbrock", "gradient", n, 10, status, reason, 0.0, first, timing, control)


# ------------------------------------------------------------------------------------------------ what asv loads
def test_vendored_files_are_those_of_the_table():
    table = (FOLDER / "vendor" / "README.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \|.*\| ([^|]+) \| `([0-9a-f]{64})` \|$", table, re.MULTILINE)
    files = {path.name for path in (FOLDER / "vendor").iterdir() if path.suffix in (".js", ".css")}
    assert {name for name, _, _ in rows} == files
    for name, licence, digest in rows:
        content = (FOLDER / "vendor" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
        assert b"MIT" in content[:500] or (FOLDER / "vendor" / licence).exists()


@pytest.mark.parametrize(
    ("tag", "local"),
    [
        ('<script src="https://x.example/a/jquery.flot.min.js" integrity="sha512-a==" crossorigin="anonymous">',
         '<script src="vendor/jquery.flot.js">'),
        ('<script integrity="sha512-a==" src="//x.example/md5.min.js">', '<script src="vendor/md5.min.js">'),
        ('<link rel="stylesheet" href="http://x.example/css/bootstrap.min.css" integrity="sha256-6=">',
         '<link rel="stylesheet" href="vendor/bootstrap.min.css">'),
        ('<script src="asv.js">', '<script src="asv.js">'),
        ('<a href="https://x.example/asv/">', '<a href="https://x.example/asv/">'),
    ],
)  # fmt: skip
def test_what_is_loaded_from_elsewhere_is_loaded_from_here(tag, local):
    assert pages.localised(f"{tag}</script>") == f"{local}</script>"
    assert pages.loaded_from_elsewhere(pages.localised(tag)) == []


def test_an_unknown_file_is_an_error():
    page = '<script src="https://x.example/d3.min.js"></script>'
    assert pages.loaded_from_elsewhere(page) == ["https://x.example/d3.min.js"]
    with pytest.raises(LookupError, match=r"d3\.min\.js"):
        pages.localised(page)


def test_the_page_of_the_installed_asv():
    asv = pytest.importorskip("asv")
    page = (Path(asv.__file__).parent / "www" / "index.html").read_text()
    assert len(pages.loaded_from_elsewhere(page)) >= 9
    local = pages.localised(page)
    assert pages.loaded_from_elsewhere(local) == []
    for name in re.findall(r'"(vendor/[^"]+)"', local):
        assert (FOLDER / name).exists()


@pytest.mark.skipif(not (FOLDER / "results" / "benchmarks.json").exists(), reason="no results are here")
def test_published_pages_load_nothing_from_elsewhere(tmp_path):
    pytest.importorskip("asv")
    pytest.importorskip("virtualenv")
    pages.publish(tmp_path / "html", draw=False)
    for name in ("index.html", "grid.html"):
        assert pages.loaded_from_elsewhere((tmp_path / "html" / name).read_text()) == []
    index = json.loads((tmp_path / "html" / "index.json").read_text())
    for name in index["benchmarks"]:
        assert (tmp_path / "html" / "graphs" / "summary" / f"{name}.json").exists()


def test_benchmarks_without_results_are_left_out(tmp_path):
    (tmp_path / "graphs" / "summary").mkdir(parents=True)
    (tmp_path / "graphs" / "summary" / "a.b.time_c.json").write_text("[]")
    (tmp_path / "index.json").write_text(
        json.dumps({"benchmarks": {"a.b.time_c": {}, "a.b.time_d": {}}, "project": "p"})
    )
    pages.leave_out_unmeasured(tmp_path)
    assert json.loads((tmp_path / "index.json").read_text()) == {"benchmarks": {"a.b.time_c": {}}, "project": "p"}


# ------------------------------------------------------------------------------------------------ the front page
def test_front_page_says_what_the_results_say(tmp_path):
    found = [
        outcome("one", 1e-3), outcome("two", 4e-3), outcome("one", 8e-3, n=(3, 4)), outcome("two", 2e-3, n=(3, 4)),
        outcome("three", 0.0, status="cannot", reason="no <gradients>\nat all"), outcome("numpy", 1e-4, control=True),
    ]  # fmt: skip
    save(tmp_path / "results" / "a-comparison", found, WHERE)
    page = front.front_page(tmp_path / "results", tmp_path, draw=False)
    assert "<h2>A comparison</h2>" in page
    assert "2 cases" in page
    assert "A &lt;fast&gt; one" in page
    assert "commit 0123456789;" in page
    assert '<td>rosenbrock, gradient, n = 3 x 4</td><td>8 ms</td><td class="best">2 ms</td>' in page
    assert page.count('<td class="best">') == 4  # one for each case and each of the two tables
    assert "cannot: no &lt;gradients&gt;</td>" in page
    assert "<td>one</td><td>2 of 2</td><td>1</td><td>1</td><td>2</td><td>2</td><td>4</td>" in page
    assert pages.loaded_from_elsewhere(page) == []


def test_front_page_without_results(tmp_path):
    assert "No results are committed" in front.front_page(tmp_path, tmp_path, draw=False)


def test_front_page_shows_pictures(tmp_path):
    pytest.importorskip("matplotlib")
    save(tmp_path / "results" / "a-comparison", [outcome("one", 1e-3), outcome("two", 4e-3)], WHERE)
    page = front.front_page(tmp_path / "results", tmp_path)
    pictures = re.findall(r'<img src="([^"]+)"', page)
    assert pictures[0] == "figures/a-comparison/profile.svg"
    assert all((tmp_path / picture).exists() for picture in pictures)


@pytest.mark.parametrize(
    ("facts", "line"),
    [({"cpu": "a cpu", "num_cpu": "2", "os": "an os"}, "a cpu; 2 processors; an os; commit"), ({}, '"facts">commit')],
)
def test_tracked_values_of_the_newest_commit(tmp_path, facts, line):
    name = next(iter(front.TRACKED))
    machine = tmp_path / "a-machine"
    machine.mkdir()
    (tmp_path / "benchmarks.json").write_text(json.dumps({name: {"unit": "functions"}, "version": 2}))
    (machine / "machine.json").write_text(json.dumps(facts))
    for date, value in ((1, 9.0), (2, 1.5)):
        entry = {"commit_hash": f"{date}234567890ab", "date": date, "result_columns": ["result", "params"],
                 "results": {name: [[value, None], [["'p'"], ["'eager'", "'compiled'"]]]}}  # fmt: skip
        (machine / f"{date}.json").write_text(json.dumps(entry))
    page = front.front_page(tmp_path, tmp_path, draw=False)
    assert f"{line} 2234567890<" in page
    assert "<td>p, eager</td><td>1.5 functions</td>" in page
    assert "p, compiled" not in page


# ------------------------------------------------------------------------------------------------ of asv
def test_configuration_has_absolute_paths(tmp_path):
    """asv runs with another folder of results, and everything else as in the file, whose comments are left out."""
    config = module_of("config")
    given = json.loads(config.write_config(tmp_path, tmp_path / "results").read_text())
    assert given["results_dir"] == str(tmp_path / "results")
    assert Path(given["benchmark_dir"]) == FOLDER.resolve() / "benchmarks"
    assert given["show_commit_url"] == "#"
    assert {"python": "3.13", "req": {"numpy": "2.0.*"}} in given["exclude"]


def test_results_have_a_line_for_each_benchmark(tmp_path):
    entry = {"commit_hash": "a", "results": {"a.time_b": [[1.0], [["1"]]], "a.time_c": [None]}}
    measure.write(tmp_path / "a.json", entry)
    text = (tmp_path / "a.json").read_text()
    assert json.loads(text) == entry
    assert '\n"a.time_b": [[1.0], [["1"]]],\n' in text


# ------------------------------------------------------------------------------------------------ what is committed
def test_results_name_no_folder_of_the_machine():
    entry = {"env_name": "existing-py_home_me_bin_python", "python": "/home/me/bin/python",
             "params": {"machine": "a", "python": "/home/me/bin/python"}, "results": {}}  # fmt: skip
    assert "/home/me" not in json.dumps(measure.published(entry, "py3.11"))
    assert "_home_me" not in json.dumps(measure.published(entry, "py3.11"))


@pytest.mark.parametrize("path", sorted((FOLDER / "results").rglob("*.json")), ids=lambda path: path.name)
def test_committed_results(path):
    text = path.read_text()
    assert not re.search(r'"/(home|root|tmp|work|usr)/', text)
    json.loads(text)
