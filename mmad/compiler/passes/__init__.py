"""The passes over the graph of a program."""
