from __future__ import annotations

import pytest

from house.postgres import buffers_mb


@pytest.mark.parametrize(
    ("memory_mb", "expected"), [(2048, 1024), (8192, 1024), (8200, 1025), (32768, 4096), (262144, 4096)]
)
def test_buffers_are_an_eighth_of_the_memory_within_bounds(memory_mb: int, expected: int) -> None:
    assert buffers_mb(memory_mb) == expected
