"""Benchmarks of mmad for asv; `problems` is shared with the comparison against other tools, ../peers.py."""
