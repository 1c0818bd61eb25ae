"""What pydantic found wrong, in words for one sentence."""

from pydantic import ValidationError


def first_problem(error: ValidationError) -> str:
    """The first thing that is wrong and where: `at parts.0.read, Field required`.

    pydantic's own text has several lines and an address on the web for each.
    """
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    problem = first["msg"].removeprefix("Value error, ").rstrip(".")
    return f"at {where}, {problem}" if where else problem
