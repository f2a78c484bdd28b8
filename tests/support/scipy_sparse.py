"""Calls of `scipy.sparse` for the tables of :mod:`scipy_forms`."""

import numpy as np
import scipy.sparse

RNG = np.random.default_rng(0)
DENSE = RNG.normal(size=(5, 5)) * (RNG.random((5, 5)) < 0.5) + 4.0 * np.eye(5)
S = scipy.sparse.csr_array(DENSE)
C = S.tocsc()
ROWS, COLUMNS = S.tocoo().coords
SYMMETRIC = scipy.sparse.csr_array(DENSE @ DENSE.T)
B = RNG.normal(size=5)


def of(sp, name, data):
    """A sparse matrix of a format, with given elements."""
    make = getattr(sp.sparse, name)
    if name.startswith("coo"):
        return make((data, (ROWS, COLUMNS)), shape=(5, 5))
    m = C if name.startswith("csc") else S
    return make((data, m.indices, m.indptr), shape=(5, 5))


def sparse(form):
    """Yield all forms, made by the class `form`."""
    remark = "products of constant matrices of every format are plain calls: A @ x, x @ A, A.dot(x)"
    for name in ("coo_array", "coo_matrix", "csc_array", "csc_matrix", "csr_array", "csr_matrix"):
        yield form(f"sparse.{name}", lambda sp, d, x, k=name: (of(sp, k, d) @ x) ** 2, (S.data, B), reason=remark)
        yield form(f"sparse.{name}", lambda sp, d, x, k=name: x @ of(sp, k, d).T, (S.data, B))
    yield form(
        "sparse.diags_array", lambda sp, d, e: sp.sparse.diags_array([d, e], offsets=[0, 1]) @ (B * d), (B, B[:4])
    )
    yield form("sparse.linalg.LinearOperator", lambda sp, x: scipy.sparse.linalg.aslinearoperator(S) @ x, (B,), "plain")

    def solver(name, call, *points, **more):
        return form(f"sparse.linalg.{name}", call, points, tolerances=(1e-9, 1e-6, 1e-4), **more)

    def one(sp, name, A, b):
        return getattr(sp.sparse.linalg, name)(A, b, rtol=1e-13, atol=0.0)[0]

    yield solver("spsolve", lambda sp, d, b: sp.sparse.linalg.spsolve(of(sp, "csc_array", d), b), C.data, B)
    yield solver("splu", lambda sp, d, b: sp.sparse.linalg.splu(of(sp, "csc_array", d)).solve(b), C.data, B)
    yield solver("splu", lambda sp, b: sp.sparse.linalg.splu(C).solve(b, "T"), B)
    yield solver("factorized", lambda sp, d, b: sp.sparse.linalg.factorized(of(sp, "csc_array", d))(b), C.data, B)
    for name in ("gmres", "bicgstab"):
        yield solver(name, lambda sp, d, b, k=name: one(sp, k, of(sp, "csr_array", d), b), S.data, B)
    for name in ("cg", "minres"):

        def symmetric(sp, t, b, k=name):
            data = SYMMETRIC.data * t
            A = sp.sparse.csr_array((data, SYMMETRIC.indices, SYMMETRIC.indptr), shape=(5, 5))
            if k == "minres":
                return sp.sparse.linalg.minres(A, b, rtol=1e-14)[0]
            return one(sp, k, A, b)

        yield solver(name, symmetric, 1.3, B)
