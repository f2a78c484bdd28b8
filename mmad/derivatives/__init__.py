"""The derivative operators, evaluated as they are called: no plan, no program."""
