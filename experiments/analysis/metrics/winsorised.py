"""Winsorised means: a few very large values count as a quantile of everyone's, and cannot decide alone."""


def quantile_sql(value: str, quantile: float) -> str:
    """SQL of the cap: the quantile of all variants together, so that the cap itself favours none."""
    return f"quantile_cont({value}, {quantile!r})"


def capped_sql(value: str, cap: float | None) -> str:
    """SQL of a value no larger than the cap. NULL stays NULL (`least` alone would skip it)."""
    return value if cap is None else f"CASE WHEN {value} > {cap!r} THEN {cap!r} ELSE {value} END"
