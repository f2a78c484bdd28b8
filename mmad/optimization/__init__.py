"""Functions for optimisers: objectives and constraints with their derivatives, and `minimize`."""
