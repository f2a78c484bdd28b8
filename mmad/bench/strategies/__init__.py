"""Strategies to compute a derivative: all plans of mmad, its compiler without single passes, and differences."""
