"""Clusters on arrays: density as scikit-learn finds it, then cut to size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import DBSCAN

from services.lead_generator.domain.clusters import (
    NOISE,
    ClusterRules,
    Labels,
    Points,
    clusters_of,
    dense_regions,
    kept_names,
    members_of,
)
from shared.db.geo import METRES_PER_MILE

DEGREE_M = 111_195.0
RULES = ClusterRules()


def places(rng: np.random.Generator, count: int, shape: str) -> Points:
    """Points of a city in metres."""
    if shape == "even":
        return rng.uniform(0, 40_000, (count, 2))
    if shape == "villages":
        middles = rng.uniform(0, 60_000, (5, 2))
        return middles[rng.integers(5, size=count)] + rng.normal(0, 1_500, (count, 2))
    if shape == "one spot":
        return np.zeros((count, 2))
    if shape == "a road":
        return np.column_stack((rng.uniform(0, 150_000, count), np.zeros(count)))
    return np.round(rng.uniform(0, 20_000, (count, 2)), -3)  # the grid: distances that equal the reach


SHAPES = st.sampled_from(("even", "villages", "one spot", "a road", "grid"))


@given(
    st.integers(0, 10_000),
    st.integers(1, 400),
    SHAPES,
    st.sampled_from((1_000.0, 3_218.688)),
    st.integers(1, 12),
)
def test_regions_are_those_of_scikit_learn(
    seed: int, count: int, shape: str, reach: float, least: int
) -> None:
    points = places(np.random.default_rng(seed), count, shape)
    expected = DBSCAN(eps=reach, min_samples=least).fit(points).labels_
    assert dense_regions(points, reach, least).tolist() == expected.tolist()


def test_ten_thousand_sparse_points_too() -> None:
    points = np.random.default_rng(1).uniform(0, 150_000, (10_000, 2))
    expected = DBSCAN(eps=RULES.reach_m, min_samples=10).fit(points).labels_
    assert dense_regions(points, RULES.reach_m, 10).tolist() == expected.tolist()
    assert expected.min() == NOISE < expected.max(), "the case has both regions and noise"


def degrees(points: Points) -> tuple[Points, Points]:
    """The same near 32 degrees north."""
    lat = 32.0 + points[:, 1] / DEGREE_M
    return lat, -97.0 + points[:, 0] / (DEGREE_M * np.cos(np.radians(32.0)))


def miles_from_middle(lat: Points, lng: Points) -> Points:
    """Distance of each point from their mean on the globe (haversine)."""
    phi, other = np.radians(lat), np.radians(lat.mean())
    step = np.radians(lng - lng.mean())
    half = np.sin((phi - other) / 2) ** 2 + np.cos(phi) * np.cos(other) * np.sin(step / 2) ** 2
    return np.asarray(2 * 6_371_008.8 * np.arcsin(np.sqrt(half)) / METRES_PER_MILE, np.float64)


def check(lat: Points, lng: Points, labels: Labels, rules: ClusterRules = RULES) -> None:
    """What holds of every run."""
    for own in members_of(labels):
        assert rules.least <= len(own) <= rules.most
        assert miles_from_middle(lat[own], lng[own]).max() <= rules.reach_miles * 1.005
    assert set(np.unique(labels)) <= set(range(NOISE, len(labels)))


@given(st.integers(0, 10_000), st.integers(0, 600), SHAPES)
def test_every_cluster_has_ten_to_a_hundred_leads_inside_two_miles(seed: int, count: int, shape: str) -> None:
    lat, lng = degrees(places(np.random.default_rng(seed), count, shape))
    labels = clusters_of(lat, lng, RULES)
    check(lat, lng, labels)
    if shape == "one spot" and count >= RULES.least:
        assert (labels != NOISE).all()


@pytest.mark.parametrize(("count", "clusters", "left_out"), [(9, 0, 9), (10, 1, 0), (100, 1, 0), (101, 2, 0)])
def test_the_edges_of_size(count: int, clusters: int, left_out: int) -> None:
    lat, lng = degrees(np.random.default_rng(2).uniform(0, 500, (count, 2)))
    labels = clusters_of(lat, lng, RULES)
    assert (labels.max(initial=NOISE) + 1, (labels == NOISE).sum()) == (clusters, left_out)


def test_a_dense_city_leaves_nobody_out_and_room_in_every_cluster() -> None:
    lat, lng = degrees(np.random.default_rng(3).uniform(0, 20_000, (20_000, 2)))
    labels = clusters_of(lat, lng, RULES)
    check(lat, lng, labels)
    sizes = np.bincount(labels)
    assert (labels != NOISE).all()
    assert sizes.max() <= RULES.most * RULES.filled


def test_a_lead_beside_a_full_region_is_taken_in_where_there_is_room() -> None:
    near = np.random.default_rng(4).uniform(0, 100, (12, 2))
    lonely = np.array(
        [[2_900.0, 50.0]]
    )  # one neighbour of its own is far from dense, but the cluster's reach holds it
    lat, lng = degrees(np.concatenate((near, lonely)))
    assert (clusters_of(lat, lng, RULES) == 0).all()


def test_the_same_leads_make_the_same_clusters() -> None:
    lat, lng = degrees(places(np.random.default_rng(5), 500, "villages"))
    assert np.array_equal(clusters_of(lat, lng, RULES), clusters_of(lat, lng, RULES))


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        ([0, 0, 0, 1, 1], [1, 1, 1, 0, 0], {1: 0, 0: 1}),
        ([0, 0, 0, 0, 0], [0, 0, 0, 1, 1], {0: 0}),  # a split: most leads keep the name
        ([0, 0, 1, 1, 1], [0, 0, 0, 0, 0], {0: 1}),  # a merger
        ([NOISE, NOISE, 0], [0, 0, NOISE], {}),
        ([], [], {}),
    ],
)
def test_names_stay_where_most_leads_stay(before: list[int], after: list[int], names: dict[int, int]) -> None:
    assert kept_names(np.array(before, np.int64), np.array(after, np.int64)) == names
