"""Operators of functions of one argument as operators of functions of several."""

import functools

from mmad.python.kinds import isplain

__all__ = ["get_name", "unary_to_nary", "wraps"]


def get_name(f):
    """Return the name of a function."""
    return getattr(f, "__name__", "[unknown name]")


def wraps(fun, namestr="{fun}", docstr="{doc}", **names):
    """Decorator: give a function a name and a docstring made of those of another."""

    def wrap(f):
        f.__name__ = namestr.format(fun=get_name(fun), **names)
        f.__doc__ = docstr.format(fun=get_name(fun), doc=getattr(fun, "__doc__", ""), **names)
        return f

    return wrap


def unary_to_nary(operator):
    """Return an operator with an argument `argnum`, an int or several, of one for functions of one argument."""

    @functools.wraps(operator)
    def nary(fun, argnum=0, *args_of_operator, **kwargs_of_operator):
        if not isplain(argnum, int | tuple | list):
            raise AssertionError(argnum)
        nums = (argnum,) if isplain(argnum, int) else tuple(argnum)

        @wraps(fun, "{op}_of_{fun}_wrt_argnum_{argnum}", DOC, op=get_name(operator), argnum=argnum)
        def call(*args, **kwargs):
            def unary(x):
                full = list(args)
                for k, v in zip(nums, (x,) if isplain(argnum, int) else x, strict=True):
                    full[k] = v
                return fun(*full, **kwargs)

            unary.__name__ = get_name(fun)
            x = args[argnum] if isplain(argnum, int) else tuple(args[k] for k in nums)
            return operator(unary, x, *args_of_operator, **kwargs_of_operator)

        return call

    return nary


DOC = """    {op} of function {fun} with respect to argument number {argnum}. Takes the
    same arguments as {fun} but returns the {op}.
"""
