"""Running the user's function on traced values; trees of arguments and results."""
