"""Every figure of the model card: a value, its 95 % bootstrap interval and how many it rests on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.ml_inference.domain.combining import Chances
from services.ml_inference.domain.ensemble import pooled
from services.ml_inference.models import CONDITIONS
from services.ml_inference.training.judging import Found, Judged
from services.ml_inference.training.matching import average_precision, matches
from services.ml_inference.training.measures import FIGURES as CLASSIFIED
from services.ml_inference.training.measures import Answers, confusion, reliability
from services.ml_inference.training.real import SETS
from services.ml_inference.vision import DAMAGE_TYPES
from services.ml_inference.vision.classifier import COARSE, FINE, STREET

RESAMPLES: Final = 500
SEED: Final = 20261122
Figure = dict[str, Any]


def bootstrap(
    groups: NDArray[Any], figure: Callable[[NDArray[np.int64]], float], *, resamples: int = RESAMPLES
) -> Figure:
    """The figure over all rows, its interval over resampled groups, the number of rows; rows of a group stay together."""
    rng = np.random.default_rng(SEED)
    _, first = np.unique(groups, return_inverse=True)
    members = [np.flatnonzero(first == number) for number in range(int(first.max()) + 1 if len(first) else 0)]
    everything = np.arange(len(groups))
    if not members:
        return {"value": None, "low": None, "high": None, "n": 0}
    drawn = [
        figure(np.concatenate([members[at] for at in rng.integers(0, len(members), len(members))]))
        for _ in range(resamples)
    ]
    known = np.array([value for value in drawn if np.isfinite(value)])
    low, high = np.percentile(known, (2.5, 97.5)) if len(known) else (np.nan, np.nan)
    return {
        "value": _rounded(figure(everything)),
        "low": _rounded(low),
        "high": _rounded(high),
        "n": len(groups),
    }


def condition_figures(rows: Judged, all_round: Judged | None = None) -> dict[str, dict[str, Figure]]:
    """How often the condition is right, by kind of picture and for whole houses; some of them seen from all sides."""
    labels, kinds, houses = rows.column("label"), rows.column("kind"), rows.column("house")
    chances = np.stack(rows.chances)
    seen = labels >= 0
    groups = {
        "all pictures": seen,
        "from above, fine": seen & (kinds == FINE),
        "from above, coarse": seen & (kinds == COARSE),
        "from the street": seen & (kinds == STREET),
        "towns": seen & ~np.char.endswith(rows.column("origin").astype(str), "roof"),
    }
    found = {
        name: _classified(chances[chosen], labels[chosen], houses[chosen])
        for name, chosen in groups.items()
        if chosen.any()
    }
    whole = {"houses": rows} | ({"houses, all four sides too": all_round} if all_round else {})
    return {name: _classified(*_by_house(each)) for name, each in whole.items()} | found


def _classified(
    chances: NDArray[np.float64], labels: NDArray[Any], houses: NDArray[Any]
) -> dict[str, Figure]:
    answers = Answers(chances, labels)
    return {
        name: bootstrap(houses, lambda rows, figure=figure: figure(answers.where(rows)))  # type: ignore[misc]
        for name, figure in CLASSIFIED.items()
    }


def _by_house(rows: Judged) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[Any]]:
    """All pictures of a house as one answer, by the rule that serving has."""
    views: dict[str, dict[bool, list[Chances]]] = {}
    labels = {}
    for house, kind, label, chances in zip(rows.house, rows.kind, rows.label, rows.chances, strict=True):
        if label >= 0:
            seen = views.setdefault(house, {True: [], False: []})
            seen[kind == STREET].append(dict(zip(CONDITIONS, chances.tolist(), strict=True)))
            labels[house] = label
    answers = (pooled(*kinds.values()) or {} for kinds in views.values())
    together = np.array([[answer[condition] for condition in CONDITIONS] for answer in answers])
    return together, np.array(list(labels.values())), np.array(list(views))


def condition_tables(rows: Judged) -> dict[str, Any]:
    """Confidence against accuracy, who is taken for whom, and the share that looks familiar."""
    seen = rows.column("label") >= 0
    answers = Answers(np.stack(rows.chances)[seen], rows.column("label")[seen])
    return {
        "reliability": reliability(answers),
        "confusion": dict(zip(map(str, CONDITIONS), confusion(answers), strict=True)),
        "familiar_share": _rounded(float(rows.column("familiar")[seen].mean())),
    }


def damage_figures(rows: Judged, thresholds: Mapping[str, float]) -> dict[str, Any]:
    """Average precision at half overlap, all kinds and each, and what is reported at the thresholds."""
    houses = rows.column("house")
    marked = [_marked(found) for found in rows.found]
    mean = bootstrap(houses, lambda chosen: _mean_precision(marked, chosen), resamples=200)
    kinds = {}
    for number, kind in enumerate(DAMAGE_TYPES):
        total = sum(int((truth == number).sum()) for *_, truth in marked)
        precision = _precision_of(marked, np.arange(len(marked)), number)
        shown = [
            (right[(classes == number) & (scores >= thresholds[kind.value])])
            for scores, classes, right, _ in marked
        ]
        hits = np.concatenate(shown)
        kinds[kind.value] = {
            "n": total,
            "average_precision": _rounded(precision),
            "reported": len(hits),
            "precision": _rounded(float(hits.mean())) if len(hits) else None,
            "recall": _rounded(float(hits.sum() / total)) if total else None,
        }
    return {"map50": mean, "kinds": kinds}


Marked = tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_], NDArray[Any]]


def _marked(found: Found) -> Marked:
    return found.boxes.scores, found.boxes.classes, matches(found.boxes, found.truth), found.truth[:, 0]


def _precision_of(marked: Sequence[Marked], chosen: NDArray[Any], number: int) -> float:
    some = [marked[int(at)] for at in chosen]
    scores = np.concatenate([scores[classes == number] for scores, classes, _, _ in some])
    right = np.concatenate([right[classes == number] for _, classes, right, _ in some])
    return average_precision(scores, right, sum(int((truth == number).sum()) for *_, truth in some))


def _mean_precision(marked: Sequence[Marked], chosen: NDArray[Any]) -> float:
    each = [_precision_of(marked, chosen, number) for number in range(len(DAMAGE_TYPES))]
    known = [value for value in each if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def outline_figures(rows: Judged) -> dict[str, Figure]:
    """Overlap of roof and damage, and how far the area is off."""
    houses = rows.column("house")
    columns = {"roof_iou": rows.column("roof"), "damage_iou": rows.column("damage")}
    return {
        **{name: _mean(houses, values) for name, values in columns.items()},
        "area_error": _median_size(houses, rows.column("area_error")),
    }


def real_figures(rows: Mapping[str, Sequence[Any]]) -> dict[str, dict[str, Figure]]:
    """The same on real buildings, a set each."""
    names = np.array(rows["set"])
    found = {}
    for name in SETS:
        chosen = names == name
        places = np.array(rows["place"])[chosen]
        found[name] = {
            "roof_iou": _mean(places, np.array(rows["roof"])[chosen]),
            "area_error": _median_size(places, np.array(rows["area_error"])[chosen]),
        }
    return found


def _mean(groups: NDArray[Any], values: NDArray[Any]) -> Figure:
    known = np.isfinite(values)
    kept = values[known]
    return bootstrap(groups[known], lambda rows: float(kept[rows].mean()))


def _median_size(groups: NDArray[Any], values: NDArray[Any]) -> Figure:
    known = np.isfinite(values)
    kept = np.abs(values[known])
    return bootstrap(groups[known], lambda rows: float(np.median(kept[rows])))


def _rounded(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None
