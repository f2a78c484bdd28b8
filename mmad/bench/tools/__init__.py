"""Adapters to mmad and other tools; each tool is used as its own documentation recommends for many calls."""
