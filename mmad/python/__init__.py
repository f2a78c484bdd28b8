"""What mmad asks of Python and NumPy: kinds of values, lines of code, handlers of exceptions; messages where they refuse."""
