"""The tape: instructions, storages and their views, what depends on what."""
