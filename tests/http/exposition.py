"""Reads Prometheus's text format."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families


def values(exposition: str) -> dict[tuple[str, ...], float]:
    """Return each sample by its name and the values of its labels, in the order of their names."""
    return {
        (sample.name, *(value for _name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    }
