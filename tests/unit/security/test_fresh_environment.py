"""The printed secrets are usable at once, and no two runs print the same."""

from __future__ import annotations

import pytest

from shared.security.__main__ import fresh_environment, main
from shared.security.fields import KeyRing
from shared.security.tokens import TokenIssuer, TokenVerifier
from shared.settings import Settings


def test_a_process_with_the_printed_lines_signs_verifies_and_encrypts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main()
    for line in capsys.readouterr().out.splitlines():
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value)
    settings = Settings()

    token = TokenIssuer.from_settings("marketplace", settings).token_for("scraper")

    assert TokenVerifier.from_settings("scraper", settings).verify(token).actor.service == "marketplace"
    assert KeyRing.from_settings(settings).newest == "k1"
    assert len(KeyRing.from_settings(settings).blind_index("a@b.co", "email")) == 64


def test_every_run_prints_other_secrets() -> None:
    one, other = fresh_environment(), fresh_environment()

    assert one.keys() == other.keys()
    assert all(one[name] != other[name] for name in one)
