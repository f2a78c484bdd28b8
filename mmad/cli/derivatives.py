"""``mmad grad``, ``hvp``, ``jacobian``, ``hessian``, ``sparsity`` and ``check``: compute and check derivatives."""

import sys
from dataclasses import asdict

import numpy as np

import mmad
from mmad.cli.errors import CommandError
from mmad.cli.inputs import attempt, objective, read_array
from mmad.cli.outputs import as_json, checked_output, give, write_bytes
from mmad.planner.sparsity.picture import svg
from mmad.python.kinds import is_number
from mmad.python.named import one_line

__all__ = ["OPERATORS", "check", "derivative", "matrix", "operator_of", "sparsity"]

OPERATORS = {"grad": mmad.grad, "hvp": mmad.hvp, "jacobian": mmad.jacobian, "hessian": mmad.hessian}


def operator_of(product, function, arguments):
    """Return the derivative function that the options describe."""
    options = {name: getattr(arguments, name) for name in ("strategy", "evaluations", "memory", "mode")}
    if arguments.sparse:
        if product not in ("jacobian", "hessian"):
            raise CommandError(f"--sparse is for matrices: a {product} is not a matrix")
        options["sparse"] = True
    try:
        return OPERATORS[product](function, **options)
    except ValueError as error:
        raise CommandError(str(error)) from error


def direction(arguments, x):
    """Return the vector of a Hessian-vector product, in the dtype of the point."""
    v = read_array(arguments.vector, "--vector")
    if v.shape != x.shape:
        raise CommandError(f"{arguments.vector} has shape {v.shape}, but {arguments.at} has shape {x.shape}")
    return v.astype(x.dtype)


def derivative(arguments):
    """Compute a gradient, a Hessian-vector product, a Jacobian or a Hessian, and write or print it."""
    if arguments.out is None and not arguments.json:
        command = arguments.command
        raise CommandError(f"give --out FILE to write the result, or --json to print it (see mmad {command} --help)")
    out = checked_output(arguments.out)
    question = objective(arguments)
    along = (direction(arguments, question.x),) if arguments.command == "hvp" else ()
    function = question.function if arguments.command == "jacobian" else question.of_scalar_value
    computed = operator_of(arguments.command, function, arguments)
    result = attempt(lambda: computed(question.x, *along, **question.keywords), question)
    give(arguments, out, matrix(result, question))


def matrix(result, question):
    """Return a result as an array; raise CommandError for a tree of arrays, and for anything but numbers."""
    if hasattr(result, "tocoo"):
        return result
    if result is None:
        raise CommandError(f"{question.name} must return numbers or arrays, not None")
    if isinstance(result, (tuple, list, dict)) or np.asarray(result).dtype.kind not in "fc":
        raise CommandError(
            f"{question.name} returns a {type(result).__name__}: write a function that returns one array, "
            "or use --sparse, which stacks the parts"
        )
    return np.asarray(result)


def sparsity(arguments):
    """Print where the Jacobian or the Hessian may be nonzero; write it as a sparse matrix or a picture."""
    out = checked_output(arguments.out)
    question = objective(arguments)
    order = arguments.order or (2 if is_number(attempt(question.value, question)) else 1)
    function = question.of_scalar_value if order == 2 else question.function
    pattern = attempt(lambda: mmad.sparsity(function, question.x, order=order, **question.keywords), question)
    m, n = pattern.shape
    if out is not None and arguments.out.endswith(".svg"):
        write_bytes(out, svg(pattern, standalone=True).encode())
    elif out is not None:
        try:
            entries = pattern.tocsr()
        except ImportError as error:
            raise CommandError(str(error)) from error
        give(arguments, out, entries)
        return
    rows, columns = (int(counts.max(initial=0)) for counts in (pattern.row_counts, pattern.column_counts))
    name = {1: "Jacobian", 2: "Hessian"}[order]
    if arguments.json:
        facts = {
            "command": "sparsity", "function": question.name, "matrix": name.lower(), "shape": [m, n],
            "nonzeros": pattern.nnz, "density": pattern.density, "in a row": rows, "in a column": columns,
            "out": arguments.out,
        }  # fmt: skip
        entries = {} if out else {"rows": pattern.rows.tolist(), "columns": pattern.indices.tolist()}
        print(as_json(facts | entries))
        return
    print(f"{name} of {question.name}: {m} x {n}, {pattern.nnz} nonzeros, density {100 * pattern.density:.3g} %")
    print(f"at most {rows} in a row and {columns} in a column")


def check(arguments):
    """Compare the derivatives with differences, and the modes with each other; return 1 if they disagree."""
    question = objective(arguments)

    def compared():
        try:
            return mmad.check_derivatives(
                question.of_the_point, (question.x,), order=arguments.order, reference=arguments.reference
            )
        except AssertionError as error:
            traced = error.__traceback__
            while traced.tb_next is not None:
                traced = traced.tb_next
            if traced.tb_frame.f_globals.get("__name__", "").startswith("mmad."):  # not the function's own assert
                return error
            raise

    report = attempt(compared, question)
    agrees = not isinstance(report, AssertionError)
    if arguments.json:
        facts = {"command": "check", "function": question.name, "agrees": agrees}
        facts |= (
            {"worst": report.worst, "comparisons": [asdict(c) for c in report.comparisons]}
            if agrees
            else {"reason": str(report)}
        )
        print(as_json(facts))
    else:
        print(report)
    if not agrees:
        print(f"mmad check: the derivatives of {question.name} disagree: {first_line(report)}", file=sys.stderr)
        return 1
    if not arguments.json:
        print(f"they agree; the largest error is {report.worst:.2g} of the tolerance")
    return 0


def first_line(error):
    """Return the first line of an error's message."""
    return (str(error).splitlines() or [one_line(error)])[0]
