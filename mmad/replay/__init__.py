"""`mmad.compile`: signatures, guards, traces, and what a function reads besides its arguments."""
