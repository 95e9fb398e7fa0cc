"""Stripe's bracketed form encoding (PITFALLS 11): `metadata[sale_id]=..`, `items[0][price]=..`, true and false."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence


def encode(values: Mapping[str, object]) -> list[tuple[str, str]]:
    """The pairs of a form in order; None is left out, as Stripe reads an empty value as "clear this field"."""
    return [pair for name, value in values.items() for pair in _pairs(name, value)]


def _pairs(name: str, value: object) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if isinstance(value, bool):
        yield name, "true" if value else "false"
    elif isinstance(value, str | int):
        yield name, str(value)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _pairs(f"{name}[{key}]", inner)
    elif isinstance(value, Sequence):
        for index, inner in enumerate(value):
            yield from _pairs(f"{name}[{index}]", inner)
    else:
        # A float here would be a sum of money with a fraction of a cent.
        raise TypeError(f"{type(value).__name__} has no place in a form: {name}")
