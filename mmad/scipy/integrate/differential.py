"""Solutions of ordinary differential equations, with forward sensitivities.

The derivative of the solution of y' = f(t, y, p) along a direction solves

    y_dot' = df/dy y_dot + df/dp p_dot,

which SciPy integrates together with y.  A cotangent is multiplied with the sensitivities of all parameters and initial
values, which are integrated at once.  (The adjoint equation would be integrated backwards, where a solution that decays
forwards cannot be followed.)  Both are differential equations again, and have derivatives themselves.
"""

import functools
import itertools

import numpy as np
import scipy.integrate as _scipy
from scipy.optimize import OptimizeResult

from mmad._core import concrete
from mmad.derivatives import implicit
from mmad.derivatives.closures import closed, rule_of_values
from mmad.derivatives.first_order import jvp
from mmad.derivatives.jacobians import jacfwd, jacrev
from mmad.errors import UnsupportedError
from mmad.numpy import asarray
from mmad.scipy._drop_in import any_traced, replaces
from mmad.scipy.optimize.roots import as_tuple, replaced

__all__ = []


def _solution(f, y0, times, integrate):
    """Return the solution of y' = f(t, y) at plain times, the first of which is that of y0: an array, a row a time.

    Parameters
    ----------
    f : callable
        ``f(t, y)`` -> array.
    y0 : array
    times : ndarray
    integrate : callable
        ``integrate(f, y0, times)`` -> rows, on plain values.
    """

    def push(filled, values, tangents, rows):
        count = np.shape(filled(values)[1])[0]

        def both(t, z):
            def at(values, y):
                return filled(values)[0](t, y)

            return np.concatenate(jvp(at, (values, z[:count]), (tangents, z[count:])))

        start = jvp(lambda values: filled(values)[1] * 1.0, (values,), (tangents,))
        return _solution(both, np.concatenate(start), times, integrate)[:, count:]

    def pull(filled, values, ct, rows):
        f, y0 = filled(values)
        count = y0.shape[0]
        # a complex value counts as two: its real part, and its imaginary part
        sizes = [np.size(v) * (2 if np.iscomplexobj(v) else 1) for v in values]
        marks = np.cumsum([0, *sizes])
        total = int(marks[-1])
        places = list(itertools.pairwise(marks))
        jacobian = jacfwd if count >= total or np.iscomplexobj(rows) else jacrev

        def of_kind(parts, v):
            n = np.size(v)
            parts = parts[:n] + 1j * parts[n:] if np.iscomplexobj(v) else parts
            return parts.reshape(np.shape(v)) if np.shape(v) else parts[0]

        def shifted(e):
            return filled([v + of_kind(e[i:j], v) for v, (i, j) in zip(values, places, strict=True)])

        def all_rates(t, z):
            y, sensitivities = z[:count], z[count:].reshape(count, total)
            rates = jacobian(lambda e: shifted(e)[0](t, y + sensitivities @ e))(np.zeros(total))
            return np.concatenate([f(t, y), rates.reshape(-1)])

        start = jacobian(lambda e: shifted(e)[1] * 1.0 + 0.0 * e[0])(np.zeros(total))
        z = _solution(all_rates, np.concatenate([y0, start.reshape(-1)]), times, integrate)
        sensitivities = z[:, count:].reshape(-1, count, total)
        if np.iscomplexobj(sensitivities):
            g = np.einsum("tn,tnk->k", np.conj(ct), sensitivities).real
        else:
            g = np.einsum("tn,tnk->k", ct, sensitivities)
        return [of_kind(g[i:j], v) for v, (i, j) in zip(values, places, strict=True)]

    return rule_of_values("solve_ivp", (f, y0), lambda whole: integrate(*whole, times), push, pull)


def _flow(f, y, start, end, integrate):
    """Return the solution at another time; traced times are parameters of the equation in a time from 0 to 1."""
    if not any_traced((start, end)):
        return _solution(f, y, np.array([start, end], float), integrate)[1]
    length = end - start

    def scaled(s, y):
        return length * f(start + s * length, y)

    return _solution(scaled, y, np.array([0.0, 1.0]), integrate)[1]


def _at_times(f, y, start, times, integrate, beyond=None):
    """Return the solution at times, a list of numbers some of which may be traced, as rows.

    `integrate` ends at the last time; `beyond`, which is taken for plain times, may go on.
    """
    rows, k = [], 0
    while k < len(times):
        end = next((j for j in range(k, len(times)) if any_traced(times[j])), len(times))
        if times[k] is start or (not any_traced((start, times[k])) and times[k] == start):
            rows.append(y * 1.0)
        elif any_traced(start) or end == k:
            y = _flow(f, y, start, times[k], integrate)
            rows.append(y)
        else:
            found = _solution(f, y, np.array([start, *times[k:end]], float), beyond or integrate)
            rows += [found[i] for i in range(1, found.shape[0])]
            k, y = end - 1, found[-1]
        start = times[k]
        k += 1
    return np.stack(rows)


def _rate(fun, args, first=True):
    """Return the right-hand side as a function of t and y, with an array as its value."""

    def f(t, y):
        return asarray(fun(t, y, *args) if first else fun(y, t, *args)).reshape(-1) * 1.0

    return f


def _scalar_tolerance(options):
    """Return options for a larger system: tolerances for each component become the smallest of them."""
    options = {k: v for k, v in options.items() if k not in ("jac", "jac_sparsity", "lband", "uband")}
    for name in ("rtol", "atol"):
        if options.get(name) is not None and np.ndim(options[name]):
            options[name] = float(np.min(options[name]))
    return options


class Solved(OptimizeResult):
    """A solution at given times; what else SciPy tells of its run (`nfev`, `status`, ...) is computed if it is read."""

    def __missing__(self, name):
        if "_run" not in vars(self) or name.startswith("_"):
            raise KeyError(name)
        for key, value in vars(self).pop("_run")().items():
            self.setdefault(key, value)
        return self[name]


def _check_times(times, span):
    """Raise SciPy's errors for times beyond the interval, or out of order."""
    low, high = (span[0], span[1]) if span[0] <= span[1] else (span[1], span[0])
    if (times < low).any() or (times > high).any():
        raise ValueError("Values in `t_eval` are not within `t_span`.")
    steps = np.diff(times)
    if (steps <= 0).any() if span[1] > span[0] else (steps >= 0).any():
        raise ValueError("Values in `t_eval` are not properly sorted.")


@replaces(_scipy.solve_ivp, closures=True)
def solve_ivp(
    fun, t_span, y0, method="RK45", t_eval=None, dense_output=False, events=None, vectorized=False, args=None, **options
):
    """Return the solution of an initial value problem, with the times of events.

    A compiled function records again at other data where SciPy chooses the times of the result, and where there are
    events; with `t_eval` and without events it does not.
    """
    args, t_span = () if args is None else as_tuple(args), list(t_span)
    y0, f = asarray(y0) * 1.0, _rate(fun, args)
    size, listed = y0.shape[0], [] if events is None else [events] if callable(events) else list(events)
    values, rest = closed((fun, t_span, y0, t_eval, args, listed, options))

    def plainly(*values):
        """SciPy's own result, of plain values."""
        fun, t_span, y0, t_eval, args, listed, options = rest.filled(values)
        result = _scipy.solve_ivp(fun, t_span, y0, method, t_eval, False, listed or None, args=args or None, **options)
        if result.status < 0:
            raise UnsupportedError(f"scipy.integrate.solve_ivp failed, so there is no derivative: {result.message}")
        return result

    def integrate(f, y0, times, end=None):
        extra = options if y0.size == size else _scalar_tolerance(options)
        result = _scipy.solve_ivp(f, (times[0], times[-1] if end is None else end), y0, method, times, **extra)
        if result.status < 0:
            raise UnsupportedError(f"scipy.integrate.solve_ivp failed, so there is no derivative: {result.message}")
        return np.ascontiguousarray(result.y.T)

    # To the end of the interval, by the steps that SciPy takes; behind an event there may be no solution.
    whole = not listed and not any_traced(t_span[1])
    beyond = functools.partial(integrate, end=t_span[1]) if whole else None

    def at(times):
        return _at_times(f, y0, t_span[0], times, integrate, beyond)

    def event(number, k):
        """The time of an event, as the root of its function along the solution."""
        return implicit.root(
            lambda t, *_: listed[number](t, at([t])[0], *args),
            lambda *values: float(plainly(*values).t_events[number][k]),
            *values,
        )

    def dense(t):
        """The solution at other times."""
        t = asarray(t) if any_traced(t) else np.asarray(t, float)
        return np.stack([at([t[k]])[0] for k in range(t.shape[0])], axis=-1) if t.ndim else at([t])[0]

    def run():
        return plainly(*[concrete(v) for v in values])

    if t_eval is not None and not listed:
        times = (asarray(t_eval) if any_traced(t_eval) else np.asarray(t_eval)) * 1.0
        _check_times(times, t_span)
        solved = Solved(t=times, y=at([times[k] for k in range(times.shape[0])]).T, sol=dense if dense_output else None)
        vars(solved)["_run"] = run
        return solved
    result, found = run(), {}
    if listed:
        times = [[event(n, k) for k in range(len(ts))] for n, ts in enumerate(result.t_events)]
        found["t_events"] = [np.stack(ts) if ts else np.zeros(0) for ts in times]
        found["y_events"] = [np.stack([at([t])[0] for t in ts]) if ts else np.zeros(0) for ts in times]
    if t_eval is None:
        ends = [t_span[0], t_span[1]]
        if result.status == 1:
            last = next(n for n, ts in enumerate(result.t_events) if len(ts) and ts[-1] == result.t[-1])
            ends[1] = times[last][-1]
        chosen = [ends[0], *result.t[1:-1], ends[1]]
    else:
        chosen = [t_eval[k] for k in range(len(result.t))]

    return replaced(
        result,
        t=np.stack(chosen) if any_traced(chosen) else result.t,
        y=at(chosen).T,
        sol=dense if dense_output else None,
        **found,
    )


@replaces(_scipy.odeint, closures=True)
def odeint(func, y0, t, args=(), tfirst=False, rtol=None, atol=None, mxstep=0, h0=0.0, hmax=0.0, hmin=0.0):
    """Return the solution of an initial value problem at times, the first of which is that of the initial value."""
    y0 = asarray(y0) * 1.0
    y0 = y0 if y0.ndim else y0.reshape(1)
    size, times = y0.shape[0], [t[k] for k in range(len(t))]
    options = {"mxstep": mxstep, "h0": h0, "hmax": hmax, "hmin": hmin, "rtol": rtol, "atol": atol}

    def integrate(f, y0, times):
        extra = options if y0.size == size else _scalar_tolerance(options)
        return _scipy.odeint(f, y0, times, tfirst=True, **extra)

    return _at_times(_rate(func, as_tuple(args), tfirst), y0, times[0], times, integrate)
