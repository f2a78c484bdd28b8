"""Other tools, and mmad among them, each used as its own documentation recommends for many calls."""
