"""Numbers that are neither Python's nor NumPy's: fractions, decimals, mpmath's, numbers with uncertainties."""
