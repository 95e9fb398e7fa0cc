"""What a password must be, and how long a session lasts."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from shared.errors import InvalidInput

MIN_PASSWORD_CHARACTERS: Final = 10
MAX_PASSWORD_CHARACTERS: Final = 200
SESSION_LIFE: Final = timedelta(days=14)
REUSE_GRACE: Final = timedelta(seconds=10)
"""Two requests of one client may cross; a refresh token that comes twice within this time revokes nothing."""

# The long ones among the most used passwords; the short ones are refused by their length.
_COMMON: Final = frozenset(
    {
        "1234567890", "0123456789", "9876543210", "0987654321", "12345678910", "123456789a",
        "a123456789", "1q2w3e4r5t", "1qaz2wsx3edc", "q1w2e3r4t5", "qwertyuiop", "qwerty1234",
        "qwerty12345", "qwerty123456", "1234qwerty", "password12", "password123", "password1234",
        "passw0rd123", "p@ssword123", "p@ssw0rd123", "mypassword", "thepassword", "letmein123",
        "letmein1234", "welcome123", "welcome1234", "iloveyou12", "iloveyou123", "administrator",
        "admin12345", "adminadmin", "superman123", "football123", "baseball123", "sunshine123",
        "princess123", "dragon1234", "michael123", "charlie123", "liverpool1", "abcdefghij",
        "abcdef1234", "abc123456789", "zxcvbnm123", "asdfghjkl1", "asdfghjkl123", "changeme123",
        "trustno1trustno1", "contractor", "roofing123", "roofing1234", "ridgeline1", "ridgeline123",
    }
)  # fmt: skip


class WeakPassword(InvalidInput):
    """A password that would be guessed."""

    code = "weak-password"


def check_password(password: str, *, email: str) -> None:
    """Return if the password may be used; WeakPassword says what is wrong with it."""
    if not MIN_PASSWORD_CHARACTERS <= len(password) <= MAX_PASSWORD_CHARACTERS:
        raise WeakPassword(
            f"A password has {MIN_PASSWORD_CHARACTERS} to {MAX_PASSWORD_CHARACTERS} characters."
        )
    plain = password.casefold()
    if plain in _COMMON or len(set(plain)) < 5:
        raise WeakPassword("This password is too common.")
    local_part = email.casefold().partition("@")[0]
    if plain == email.casefold() or (len(local_part) >= 5 and local_part in plain):
        raise WeakPassword("A password does not contain the e-mail address.")
