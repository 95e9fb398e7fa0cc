"""A second proof at log-in: codes of a phone by a secret and the time (RFC 6238), codes on paper for a lost phone."""

from __future__ import annotations

import base64
import hmac
import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import quote, urlencode
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from shared.errors import Conflict, NotAuthenticated

STEP_SECONDS: Final = 30
DIGITS: Final = 6
SECRET_BYTES: Final = 20
"""As long as the hash that RFC 4226 asks for."""
DRIFT_STEPS: Final = 1
"""Steps that a phone's clock may be off, on either side (RFC 6238, section 5.2)."""
RECOVERY_CODES: Final = 10
RECOVERY_CHARACTERS: Final = 10
HALF_LIFE: Final = timedelta(minutes=5)
"""How long the code may be given after the password."""
ISSUER: Final = "Ridgeline"

Tag = Callable[[str, str], str]
"""The keyed hash of a value for a purpose."""

_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""What nobody misreads: without I, O, 0 and 1."""


class WrongCode(NotAuthenticated):
    """A code that is wrong, of another time, or was used; or the time to give it is over."""

    code = "wrong-code"


class SecondFactorOn(Conflict):
    """Codes are asked for already."""

    code = "second-factor-on"


class SecondFactorOff(Conflict):
    """No codes are asked for, or none were set up."""

    code = "second-factor-off"


@dataclass(frozen=True, slots=True)
class HalfSession:
    """The password was right; whose it was, until when (Unix milliseconds), and the words that a code must come with."""

    user_id: UUID
    until: int
    token: str

    @property
    def began(self) -> float:
        """When the password was given, Unix seconds."""
        return self.until / 1000 - HALF_LIFE.total_seconds()


def new_secret() -> str:
    """160 random bits as phones read them: base32 without padding."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def in_groups(secret: str) -> str:
    """A secret as a person types it, four characters at a time."""
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def setup_uri(secret: str, email: str) -> str:
    """The address that an authenticator on this device opens (Key Uri Format)."""
    label = quote(f"{ISSUER}:{email}")
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': ISSUER})}"


def code_of(secret: str, step: int) -> str:
    """The six digits of a time step."""
    totp = TOTP(base64.b32decode(secret), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303 - what phones implement
    return totp.generate(step * STEP_SECONDS).decode()


def step_of(secret: str, digits: str, now: float) -> int | None:
    """The time step whose code these digits are, within DRIFT_STEPS of `now` (Unix seconds); None for no such code."""
    plain, present = "".join(digits.split()), int(now) // STEP_SECONDS
    found = None
    for step in range(max(present - DRIFT_STEPS, 0), present + DRIFT_STEPS + 1):
        if hmac.compare_digest(code_of(secret, step).encode(), plain.encode()):
            found = step
    return found


def new_recovery_codes() -> list[str]:
    """Codes for a lost phone, 50 random bits each."""
    half = RECOVERY_CHARACTERS // 2
    drawn = (
        "".join(secrets.choice(_ALPHABET) for _ in range(RECOVERY_CHARACTERS)) for _ in range(RECOVERY_CODES)
    )
    return [f"{code[:half]}-{code[half:]}" for code in drawn]


def hash_recovery(user_id: UUID, code: str, tag: Tag) -> str:
    """The stored form of a recovery code, however it was typed."""
    plain = "".join(code.split()).replace("-", "").upper()
    return tag("recovery-code", f"{user_id.hex}:{plain}")


def begin_half(user_id: UUID, now: float, tag: Tag) -> HalfSession:
    """The half session of somebody whose password was right at `now` (Unix seconds)."""
    return half_session(user_id, math.ceil((now + HALF_LIFE.total_seconds()) * 1000), tag)


def half_session(user_id: UUID, until: int, tag: Tag) -> HalfSession:
    """What a browser or program holds between password and code."""
    return HalfSession(
        user_id, until, f"{user_id.hex}.{until}.{tag('half-session', f'{user_id.hex}.{until}')}"
    )


def read_half_session(token: str, now: float, tag: Tag) -> HalfSession:
    """The half session of a token that we made and whose time is not over; WrongCode otherwise."""
    head, _, until = token.rpartition(".")[0].partition(".")
    try:
        known = half_session(UUID(hex=head), int(until), tag)
    except ValueError:
        raise over() from None
    if not hmac.compare_digest(known.token.encode(), token.encode()) or known.until <= now * 1000:
        raise over()
    return known


def over() -> WrongCode:
    """What is said of a half session that is none, or whose time is over."""
    return WrongCode("The time to type the code is over; log in again.")
