"""The layers of the package: each imports, and cimports, only from those before it; no circles of modules."""

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "mmad"

#: Folders and modules of `mmad/`, from the ground up; a line is a layer.
LAYERS = (
    ("errors",),
    ("python",),
    ("scalars",),
    ("kernels",),
    ("tape", "_core"),  # the core is the tape's traced numbers and the door to its operations
    ("ops",),
    ("wrappers",),
    ("sweeps",),
    ("tracing",),
    ("numpy",),
    ("vm",),
    ("compiler",),
    ("transforms",),
    ("replay",),
    ("derivatives",),
    ("scipy",),  # imported by its user only
    ("lifting",),
    ("planner",),
    ("api",),
    ("diagonals",),
    ("optimization", "distributed"),
    ("_checkout", "__init__"),
    ("autograd",),  # a drop-in for autograd, which `import mmad` does not load
    ("bench",),  # problems and contestants, which `import mmad` does not load
    ("cli", "__main__"),
)

IMPORT = re.compile(
    r"^(?P<indent>[ \t]*)"
    r"(?:from (?P<module>mmad[\w.]*) c?import (?P<names>\([^)]*\)|[^\n#]*)|c?import (?P<whole>mmad[\w.]*))",
    re.MULTILINE,
)


def name_of(path):
    """The dotted name of a module's file, without the package's."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


SOURCES = sorted(p for p in PACKAGE.rglob("*") if p.suffix in (".py", ".pyx", ".pxd") and "__pycache__" not in p.parts)
MODULES = {name_of(path) for path in SOURCES}


def imports():
    """Every import of a module of the package: file, line, indentation, the importing module, the imported one."""
    for path in SOURCES:
        text = path.read_text()
        for found in IMPORT.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            target = (found["module"] or found["whole"])[len("mmad.") :]
            names = re.findall(r"\w+", re.sub(r"\bas \w+", "", found["names"] or ""))
            inner = [f"{target}.{n}".lstrip(".") for n in names]
            for module in {n if n in MODULES else target or "__init__" for n in inner or [target]}:
                yield path, line, found["indent"], name_of(path), module


def layer_of(module):
    """The position of a module's layer."""
    top = module.split(".")[0]
    return next(k for k, layer in enumerate(LAYERS) if top in layer)


def at(path, line):
    return f"{path.relative_to(PACKAGE.parent)}:{line}"


EDGES = list(imports())


def test_every_module_belongs_to_a_layer():
    known = {name for layer in LAYERS for name in layer}
    assert {module.split(".")[0] for module in MODULES} == known


def test_the_imports_are_found():
    assert len(EDGES) > 800
    assert any(path.suffix == ".pxd" for path, *_ in EDGES)
    assert ("tape._tape", "_core") in {(a, b) for *_, a, b in EDGES}


def test_no_layer_imports_from_one_above():
    wrong = [
        f"{at(path, line)} imports mmad.{imported}"
        for path, line, _, module, imported in EDGES
        if layer_of(imported) > layer_of(module)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_import_waits_for_a_call():
    """Optional dependences may; the commands, each of which starts without what the others need."""
    wrong = [at(path, line) for path, line, indent, module, _ in EDGES if indent and module.split(".")[0] != "cli"]
    assert not wrong, "\n".join(wrong)


def test_no_modules_import_each_other():
    below = {module: set() for module in MODULES}
    for *_, module, imported in EDGES:
        if imported != module and module.split(".")[0] != "cli":  # a .pyx imports its own .pxd
            below[module].add(imported)
    done = set()

    def visit(module, path):
        if module in path:
            pytest.fail(" -> ".join([*path[path.index(module) :], module]))
        if module not in done:
            for other in sorted(below[module]):
                visit(other, [*path, module])
            done.add(module)

    for module in sorted(below):
        visit(module, [])


def test_no_registry_of_strings():
    """What is defined above a module is reached through a typed slot (`_core.set_lift`), not through names."""
    assert not [str(path) for path in SOURCES if "HOOKS" in path.read_text()]


def test_every_class_has_a_name_of_its_own():
    """The public tape extends the one that records, and has its name."""
    modules = {}
    for path in SOURCES:
        for name in re.findall(r"^(?:cdef |ctypedef )?(?:class|struct) (\w+)", path.read_text(), flags=re.MULTILINE):
            modules.setdefault(name, set()).add(name_of(path))
    shared = {name: found for name, found in modules.items() if len(found) > 1}
    assert shared == {"Tape": {"tape._tape", "transforms.tape"}}
