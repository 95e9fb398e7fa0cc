"""`python -m tests.faults short|core|fleet|all|mutate [name ...]`: break real servers and count what was lost or doubled."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

from tests.faults import marked, mutants, suites, targeted
from tests.faults.fleet.suite import fleet
from tests.faults.report import Report, say

USAGE = "usage: python -m tests.faults FORM   or   python -m tests.faults mutate [name ...]\nforms: "
FORMS: dict[str, tuple[Callable[[Report], None], ...]] = {
    "short": (suites.short,),
    "core": (suites.core,),
    "fleet": (fleet,),
    "marked": (marked.tests,),
    "all": (marked.tests, suites.core, *targeted.FORMS.values(), fleet),
    **{name: (form,) for name, form in targeted.FORMS.items()},
}


def main(words: list[str]) -> int:
    """0 when everything held, 1 when something broke, 2 for words that name nothing."""
    if words[:1] == ["mutate"]:
        return 0 if mutants.run(words[1:]) else 1
    if len(words) != 1 or words[0] not in FORMS:
        sys.stderr.write(f"{USAGE}{', '.join(FORMS)}\n")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    report = Report(words[0])
    for suite in FORMS[words[0]]:
        suite(report)
    say(f"report: {report.write()}")
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
