"""Sparsity patterns, found from a recording."""
