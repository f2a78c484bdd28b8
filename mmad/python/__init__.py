"""Inspect Python itself: types of values, lines of code, exception handlers; word the messages of refusals."""
