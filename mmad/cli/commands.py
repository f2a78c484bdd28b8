"""Run the commands; each command imports its module only when it runs."""

__all__ = ["bench", "check", "completion", "derivative", "planner", "sparsity", "train"]


def train(arguments):
    from mmad.cli.train import run

    return run(arguments)


def derivative(arguments):
    from mmad.cli.derivatives import derivative

    return derivative(arguments)


def sparsity(arguments):
    from mmad.cli.derivatives import sparsity

    return sparsity(arguments)


def check(arguments):
    from mmad.cli.derivatives import check

    return check(arguments)


def planner(arguments):
    from mmad.cli import plan

    return getattr(plan, arguments.command)(arguments)


def bench(arguments):
    from mmad.cli.bench import run

    return run(arguments)


def completion(arguments):
    from mmad.cli.completion import run

    return run(arguments)
