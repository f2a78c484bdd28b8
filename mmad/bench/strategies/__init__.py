"""Ways to compute a derivative with mmad, or without any tool: every plan, passes off one by one, differences."""
