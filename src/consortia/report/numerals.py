"""How a number is written: one rule per kind of number, named so that it can be checked.

A rule is a short text that travels with the number into the page (``data-format``):
``count``, ``year``, ``signed:2``, ``fixed:2``, ``percent:0``, ``chance``, ``p`` and ``general``.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal

MINUS = "\u2212"
MISSING = "–"
FEWEST_SHOWN_P = 0.001


def rounded(value: float, digits: int) -> Decimal:
    """Half away from zero at ``digits`` decimals, on the number as it is printed in the JSON."""
    exact = Decimal(repr(float(value)))
    return exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)


def shown(value: float | int | None, rule: str) -> str:
    """The text of a number under a rule. Raises ValueError for a rule that does not exist."""
    if value is None:
        return MISSING
    kind, _, argument = rule.partition(":")
    digits = int(argument) if argument else 0
    match kind:
        case "count":
            return _grouped(value, 0)
        case "year":
            return _grouped(value, 0).replace(",", "")
        case "fixed":
            return _grouped(value, digits)
        case "signed":
            text = _grouped(value, digits)
            plain = text.startswith(MINUS) or not rounded(value, digits)
            return text if plain else f"+{text}"
        case "percent":
            return f"{_grouped(100 * value, digits)}%"
        case "chance":
            return _chance(value)
        case "p":
            few = f"<{FEWEST_SHOWN_P}"
            return few if value < FEWEST_SHOWN_P else _grouped(value, 3)
        case "general":
            return _general(value)
        case _:
            raise ValueError(f"no rule {rule!r} for writing a number")


def _grouped(value: float, digits: int) -> str:
    number = rounded(value, digits)
    if not number:
        number = abs(number)  # never "minus zero"
    return f"{number:,.{digits}f}".replace("-", MINUS)


def _chance(value: float) -> str:
    """Whole per cent; certainty is never claimed by rounding."""
    if value > 0.99:
        return "over 99%"
    if value < 0.01:
        return "under 1%"
    return f"{_grouped(100 * value, 0)}%"


def _general(value: float) -> str:
    """Four significant digits; whole numbers as they are."""
    if float(value).is_integer() and abs(value) < 1e15:
        return _grouped(value, 0)
    if value and not 1e-4 <= abs(value) < 1e9:
        return f"{value:.3e}".replace("-", MINUS)
    digits = max(0, 3 - math.floor(math.log10(abs(value)))) if value else 0
    return _grouped(value, min(digits, 8))


def decimals(std_error: float | None, least: int = 0, most: int = 4) -> int:
    """Decimals worth showing beside this standard error: a fifth of it or finer.

    0.15 is shown with two decimals, 0.04 with three, 6 with none.
    """
    if std_error is None or not math.isfinite(std_error) or std_error <= 0:
        return max(least, min(2, most))
    return min(most, max(least, math.ceil(math.log10(5 / std_error))))


def ticks(low: float, high: float, about: int = 5) -> tuple[list[float], int]:
    """Axis ticks at 1, 2 or 5 times a power of ten that cover low..high, and their decimals.

    The first tick lies at or below ``low``, the last at or above ``high``.
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("an axis needs finite ends")
    if high <= low:
        pad = max(abs(low) * 0.1, 1e-6)
        low, high = low - pad, high + pad
    rough = (high - low) / max(about, 1)
    power = math.floor(math.log10(rough))
    step, exponent = 1, power
    for multiple, raise_by in ((1, 0), (2, 0), (5, 0), (1, 1)):
        step, exponent = multiple, power + raise_by
        if multiple * 10.0 ** (power + raise_by) >= rough * (1 - 1e-9):
            break
    unit = Decimal(step).scaleb(exponent)
    width = float(unit)
    first = math.floor(low / width + 1e-9)
    last = math.ceil(high / width - 1e-9)
    return [float(unit * k) for k in range(first, last + 1)], max(0, -exponent)
