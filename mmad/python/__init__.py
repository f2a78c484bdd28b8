"""What mmad asks of Python: kinds of values, lines of code, handlers of exceptions; messages where it refuses."""
