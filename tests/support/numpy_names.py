"""The public names of NumPy, and why some of them have no call form in `numpy_forms.py`."""

import inspect

import numpy as np

#: Names that neither take nor give numbers that could have a derivative, by reason.
NOT_CONCERNED = {
    "settings and information": """
        errstate get_include get_printoptions getbufsize geterr geterrcall info printoptions set_printoptions
        setbufsize seterr seterrcall show_config show_runtime test lib.Arrayterator lib.NumpyVersion lib.add_docstring
        lib.add_newdoc lib.mixins.NDArrayOperatorsMixin
        polynomial.set_default_printstyle
    """,
    "dtypes": """
        dtype finfo iinfo isdtype issubdtype mintypecode promote_types typename broadcast_shapes
        lib.array_utils.normalize_axis_index lib.array_utils.normalize_axis_tuple ufunc.resolve_dtypes
    """,
    "integers, bits, text, dates and records": """
        base_repr binary_repr bitwise_and bitwise_count bitwise_invert bitwise_left_shift bitwise_not bitwise_or
        bitwise_right_shift bitwise_xor busday_count busday_offset busdaycalendar datetime_as_string datetime_data gcd
        invert is_busday isnat lcm left_shift packbits right_shift unpackbits recarray
        polynomial.polyutils.format_float
    """,
    "positions and constants, made of sizes alone": """
        bartlett blackman hamming hanning diag_indices indices mask_indices ndindex ravel_multi_index tril_indices
        triu_indices unravel_index einsum_path mgrid ogrid s_ index_exp fft.fftfreq fft.rfftfreq
        polynomial.chebyshev.chebgauss polynomial.chebyshev.chebpts1 polynomial.chebyshev.chebpts2
        polynomial.hermite.hermgauss polynomial.hermite_e.hermegauss polynomial.laguerre.laggauss
        polynomial.legendre.leggauss
    """,
    "files and buffers": """
        from_dlpack frombuffer fromfile fromregex fromstring genfromtxt load loadtxt memmap save savetxt savez
        savez_compressed
    """,
    "deprecated names of other functions": "row_stack",
    "types": "ndarray ufunc flatiter matrix asmatrix bmat",
}

#: Names that are refused on traced values, and why or what to write.
REFUSED = {
    "nested_iters": "iterates over memory; write loops over `mmad.numpy.nditer`",
    "format_float_positional": "text; give it `mmad.concrete(x)`",
    "format_float_scientific": "text; give it `mmad.concrete(x)`",
    "lib.array_utils.byte_bounds": "a traced array has no place in memory",
    "ndarray.base": "a traced array has no place in memory; compare with `np.shares_memory`",
    "ndarray.byteswap": "a traced array has no bytes in memory",
    "ndarray.choose": "NumPy's method has no hook: it makes an array of objects; write `np.choose`",
    "ndarray.ctypes": "a traced array has no place in memory",
    "ndarray.data": "a traced array has no place in memory",
    "ndarray.dump": "a traced value cannot be pickled; give `mmad.concrete(x)`",
    "ndarray.dumps": "a traced value cannot be pickled; give `mmad.concrete(x)`",
    "ndarray.getfield": "a traced array has no bytes in memory; write `x.real`, `x.imag`",
    "ndarray.resize": "a traced array keeps its size; write `x = np.resize(x, shape)`",
    "ndarray.setfield": "a traced array has no bytes in memory; write `x[...] = value`",
    "ndarray.setflags": "a traced array has no flags to set",
    "ndarray.tobytes": "a traced array has no bytes in memory; give `mmad.concrete(x)`",
    "ndarray.tofile": "a traced array has no bytes in memory; give `mmad.concrete(x)`",
}

#: Modules whose names are walked, with the prefix that their names have in the table.
MODULES = (
    "",
    "emath",
    "lib",
    "lib.array_utils",
    "lib.mixins",
    "lib.stride_tricks",
    "linalg",
    "fft",
    "polynomial",
    "polynomial.polynomial",
    "polynomial.polyutils",
    "polynomial.chebyshev",
    "polynomial.hermite",
    "polynomial.hermite_e",
    "polynomial.laguerre",
    "polynomial.legendre",
)
OBJECTS = ("c_", "index_exp", "mgrid", "ogrid", "r_", "s_")  # used with brackets, not called
UFUNC = ("__call__", "accumulate", "at", "outer", "reduce", "reduceat", "resolve_dtypes")
GENERATOR = ("choice", "permutation", "permuted", "shuffle")


def _is_public(module, name):
    value = getattr(module, name)
    if name.startswith("_") or inspect.ismodule(value):
        return False
    if inspect.isclass(value) and issubclass(value, np.generic | BaseException):
        return False
    return callable(value) or name in OBJECTS


def module_of(prefix):
    """Return a module of NumPy by its dotted name."""
    module = np
    for part in filter(None, prefix.split(".")):
        module = getattr(module, part)
    return module


def public_names():
    """Return the names of NumPy's public functions and classes, ndarray's and ufunc's methods, in order."""
    names = []
    for prefix in MODULES:
        module = module_of(prefix)
        listed = getattr(module, "__all__", None) if prefix else dir(np)
        found = sorted(n for n in listed or dir(module) if _is_public(module, n))
        names += [f"{prefix}.{n}" if prefix else n for n in found]
    names += ["ndarray." + n for n in dir(np.ndarray) if not n.startswith("_")]
    names += ["ufunc." + n for n in UFUNC]
    return names + ["random.Generator." + n for n in GENERATOR]


def not_concerned(name):
    """Return the reason why a name has nothing to differentiate, or None."""
    return next((reason for reason, names in NOT_CONCERNED.items() if name in names.split()), None)
