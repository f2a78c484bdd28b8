"""What the documents quote, measured: a module an experiment, which `reproduce.py` runs in a process of its own.

A module has a docstring that says what is asked and how it is measured, and ``run(quick)``, which returns what is
written as JSON.  Every derivative is compared with one worked out by hand before anything is timed.
"""
