"""Colourings of patterns, and how the entries are read off."""
