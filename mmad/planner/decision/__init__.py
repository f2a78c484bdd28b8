"""Which strategy: the rules, the cost model, the race."""
