"""One problem a module: its function, its points, and its derivatives by hand."""
