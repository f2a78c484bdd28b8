"""A tape as the text of a Graphviz graph: values as nodes, operands as edges."""

__all__ = ["dot"]

SHAPES = {"input": "box", "const": "plaintext", "guard": "diamond"}


def dot(tape, limit):
    """Return the text; see :meth:`mmad.Tape.to_dot`."""
    shown = tape.instructions[:limit]
    outputs = set(tape.outputs)
    lines = [
        f"digraph {_quoted(str(tape.origin))} {{",
        "  rankdir=TB;",
        '  node [shape=ellipse, fontname="monospace", fontsize=10];',
    ]
    for k, i in enumerate(shown):
        style = [f"label={_quoted(_label(tape, i, k))}"]
        if i.name in SHAPES:
            style.append(f"shape={SHAPES[i.name]}")
        if i.name != "guard" and i.id in outputs:
            style.append("peripheries=2")
        lines.append(f"  v{k} [{', '.join(style)}];")
    for k, i in enumerate(shown):
        operands = [j for j in i.operands if j >= 0]
        many = len(operands) > 1
        lines += [f"  v{j} -> v{k}{f' [label={n}]' if many else ''};" for n, j in enumerate(operands)]
    rest = len(tape) - len(shown)
    if rest > 0:
        lines.append(f"  rest [label={_quoted(f'{rest} more instructions')}, shape=plaintext];")
    return "\n".join([*lines, "}"]) + "\n"


def _label(tape, i, k):
    """Return the text of a node: the instruction, its type, its line and sweeps."""
    if i.name == "guard":
        return f"guard: is {_short(i.params['value'])}"
    name = f"%{k} {i.name}"
    if i.name == "const":
        name += f" {_short(i.params['value'])}"
    elif i.params:
        name += " " + ", ".join(f"{key}={_short(value)}" for key, value in i.params.items())
    constants = [_short(c) for c, j in zip(i.constants, i.operands, strict=True) if j < 0 and c is not None]
    if constants:
        name += f" ({', '.join(constants)})"
    kind = f"{i.dtype}[{','.join(map(str, i.shape))}]" if i.array else "float" if i.weak else str(i.dtype)
    origin = tape.origin_of(i.id)
    where = [] if origin.file is None else [str(origin)]
    if origin.sweeps:
        where.append(" over ".join(origin.sweeps) + " sweep")
    return "\n".join([name, kind, *where])


def _short(value):
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else text[:37] + "..."


def _quoted(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
