"""The five stages of validation (S4-3.4.4): what speaks for an analysis, what against it, and how sure it is in the end."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.ml_inference.domain.combining import Chances, overlap, updated
from services.ml_inference.domain.ensemble import pooled
from services.ml_inference.domain.likelihoods import Finding, HouseFacts, absent_from, findings_of
from services.ml_inference.domain.maturity import Compared, maturity_of
from services.ml_inference.domain.reliability import tempered
from shared.schemas.condition import condition_index
from shared.schemas.confidence import AUTO_FLOOR
from shared.schemas.enums import ImageDomain, RoofCondition
from shared.schemas.review import ValidationEvidence, ValidationStage
from shared.schemas.review_enums import Maturity
from shared.schemas.shares import wilson_interval

LEAST_AGREEMENT: Final = 0.85
MOST_DEVIATIONS: Final = 2.0
LEAST_SIMILAR: Final = 10
LEAST_SPREAD: Final = 5.0
"""Of the condition index: a street of equal roofs has no spread, and a class of difference is no outlier there."""
CONTRADICTS: Final = 0.5
"""A finding that makes the condition half as likely or less speaks against it."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the models said of a house."""

    condition: RoofCondition
    confidence: float
    chances: Chances
    """Of the whole house, all pictures together."""
    above: Sequence[Chances]
    """Of each picture from above."""
    street: Sequence[Chances]
    """Of each picture from the street."""
    familiar: bool
    domain: ImageDomain


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the analysis is held against."""

    facts: HouseFacts
    similar: Sequence[RoofCondition]
    """Conditions of houses of the same city, domain and age, this one not among them."""
    earlier_word: RoofCondition | None
    """What a person said of this roof before, no storm or new roof having come since."""
    compared: Compared
    temperature: float = 1.0
    """By which compared roofs have shown these weights' combined answers to be too sure (above 1) or too shy."""


def validated(analysis: Analysis, around: Surroundings) -> ValidationEvidence:
    """The five stages in their order, the combined probability of the condition, and what speaks against passing."""
    findings = findings_of(around.facts, analysis.domain)
    maturity = maturity_of(around.compared)
    with_sources = updated(analysis.chances, (finding.ratios for finding in findings))
    chances = tempered(with_sources, around.temperature)
    confidence = chances[analysis.condition]
    stages = [
        _agreement(analysis.above, analysis.street),
        _sources(analysis.condition, findings, absent_from(around.facts)),
        _similar(analysis.condition, around.similar),
        _ground_truth(analysis.condition, around.earlier_word, around.compared, maturity),
        _combination(analysis, with_sources, chances, around.temperature),
    ]
    return ValidationEvidence(
        stages=stages,
        condition=analysis.condition,
        models_confidence=round(analysis.confidence, 4),
        confidence=round(confidence, 4),
        probabilities={condition: round(value, 4) for condition, value in chances.items()},
        maturity=maturity,
        familiar=analysis.familiar,
        reasons=_reasons(stages, familiar=analysis.familiar, maturity=maturity),
    )


def chances_of(condition: RoofCondition, confidence: float) -> Chances:
    """Probabilities where only one of them is known: the rest is shared evenly."""
    rest = (1 - confidence) / (len(RoofCondition) - 1)
    return {other: confidence if other is condition else rest for other in RoofCondition}


def doubts(evidence: ValidationEvidence) -> bool:
    """Whether a stage before the last speaks against the analysis."""
    return any(stage.passed is False for stage in evidence.stages if stage.stage != "combination")


def _agreement(above: Sequence[Chances], street: Sequence[Chances]) -> ValidationStage:
    from_above, from_street = pooled(above), pooled(street)
    terms = {"from_above": len(above), "from_street": len(street)}
    if from_above is None or from_street is None:
        return ValidationStage(
            stage="agreement", passed=None, finding="only one kind of picture is at hand", terms=terms
        )
    shared = overlap(from_above, from_street)
    return ValidationStage(
        stage="agreement",
        passed=shared >= LEAST_AGREEMENT,
        finding=f"pictures from above and from the street agree to {shared:.0%}",
        terms={**terms, "agreement": round(shared, 4), "least": LEAST_AGREEMENT},
    )


def _sources(condition: RoofCondition, findings: Sequence[Finding], absent: list[str]) -> ValidationStage:
    against = [f"{f.kind} {f.value}" for f in findings if f.ratios[condition] <= CONTRADICTS]
    rows = [
        {
            "kind": finding.kind,
            "value": finding.value,
            "ratio": round(finding.ratios[condition], 4),
            "source": finding.source,
        }
        for finding in findings
    ]
    said = f"speak against it: {', '.join(against)}" if against else "nothing known speaks against it"
    return ValidationStage(
        stage="sources",
        passed=not against if findings else None,
        finding=said if findings else "no other source knows the house",
        terms={"findings": rows, "absent": absent},
    )


def _similar(condition: RoofCondition, similar: Sequence[RoofCondition]) -> ValidationStage:
    if len(similar) < LEAST_SIMILAR:
        return ValidationStage(
            stage="similar_houses",
            passed=None,
            finding=f"only {len(similar)} similar houses were analysed",
            terms={"n": len(similar), "least": LEAST_SIMILAR},
        )
    indices = [condition_index(other) for other in similar]
    mean, spread = statistics.fmean(indices), max(LEAST_SPREAD, statistics.stdev(indices))
    z = (condition_index(condition) - mean) / spread
    return ValidationStage(
        stage="similar_houses",
        passed=abs(z) <= MOST_DEVIATIONS,
        finding=f"{abs(z):.1f} deviations {'worse' if z > 0 else 'better'} than {len(similar)} similar houses",
        terms={"n": len(similar), "mean": round(mean, 2), "deviation": round(spread, 2), "z": round(z, 3)},
    )


def _ground_truth(
    condition: RoofCondition, earlier: RoofCondition | None, compared: Compared, maturity: Maturity
) -> ValidationStage:
    low, high = wilson_interval(compared.right, compared.n)
    contradicted = earlier is not None and abs(condition_index(condition) - condition_index(earlier)) > 25
    history = f"{compared.right} of {compared.n} compared roofs above the gate were right ({maturity})"
    words = f"a person had said {earlier}; {history}" if earlier else history
    return ValidationStage(
        stage="ground_truth",
        passed=None if earlier is None else not contradicted,
        finding=words,
        terms={
            "earlier_word": earlier,
            "compared": compared.n,
            "right": compared.right,
            "low": round(low, 4),
            "high": round(high, 4),
            "maturity": maturity,
        },
    )


def _combination(
    analysis: Analysis, with_sources: Chances, chances: Chances, temperature: float
) -> ValidationStage:
    confidence = chances[analysis.condition]
    likeliest = max(chances, key=lambda condition: chances[condition])
    return ValidationStage(
        stage="combination",
        passed=confidence >= AUTO_FLOOR,
        finding=f"calibrated confidence {confidence:.2f}"
        + ("" if likeliest is analysis.condition else f", {likeliest} is likelier"),
        terms={
            "pictures": len(analysis.above) + len(analysis.street),
            "by_pictures": {c: round(v, 4) for c, v in analysis.chances.items()},
            "with_sources": {c: round(v, 4) for c, v in with_sources.items()},
            "temperature": temperature,
            "required": AUTO_FLOOR,
        },
    )


def _reasons(stages: Sequence[ValidationStage], *, familiar: bool, maturity: Maturity) -> list[str]:
    reasons = [stage.finding for stage in stages if stage.passed is False]
    if not familiar:
        reasons.append("the pictures look unlike the training data")
    if maturity is Maturity.UNVALIDATED:
        reasons.append("the models are not yet validated on such pictures")
    return reasons
