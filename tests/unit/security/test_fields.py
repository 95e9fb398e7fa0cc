"""Encrypted fields: bound to person and column, shreddable, rotatable, and findable by blind index."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from shared.errors import Unavailable
from shared.security.fields import FieldUnreadable, KeyRing, SubjectCipher, WrappedKey, normalise
from shared.security.tokens import encode_key
from shared.settings import Settings

OLD, NEW = b"o" * 32, b"n" * 32
PEPPER = b"p" * 32


def ring(**keys: bytes) -> KeyRing:
    return KeyRing(keys or {"k1": OLD}, PEPPER)


@given(st.text(max_size=300))
def test_what_goes_in_comes_out(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        return
    _, cipher = ring().create(uuid4())

    assert cipher.decrypt("owner_name", cipher.encrypt("owner_name", value)) == value


def test_equal_values_look_different_and_show_nothing() -> None:
    _, cipher = ring().create(uuid4())

    first, second = (cipher.encrypt("owner_email", "pat@example.com") for _ in range(2))

    assert first != second
    assert "pat" not in first
    assert "example" not in first


def test_ciphertext_belongs_to_one_person_and_one_column() -> None:
    key_ring = ring()
    _, pat = key_ring.create(uuid4())
    _, kim = key_ring.create(uuid4())
    ciphertext = pat.encrypt("owner_email", "pat@example.com")

    with pytest.raises(FieldUnreadable):
        pat.decrypt("owner_phone", ciphertext)
    with pytest.raises(FieldUnreadable):
        kim.decrypt("owner_email", ciphertext)


def test_the_same_key_under_another_subject_opens_nothing() -> None:
    wrapped, cipher = ring().create(uuid4())
    stolen = WrappedKey(uuid4(), wrapped.key_id, wrapped.wrapped)

    with pytest.raises(FieldUnreadable):
        ring().open(stolen)
    with pytest.raises(FieldUnreadable):
        SubjectCipher(uuid4(), b"x" * 32).decrypt("owner_name", cipher.encrypt("owner_name", "Pat"))


def test_even_with_the_same_key_ciphertext_belongs_to_one_person() -> None:
    pat, kim = (SubjectCipher(uuid4(), b"x" * 32) for _ in range(2))

    with pytest.raises(FieldUnreadable):
        kim.decrypt("owner_name", pat.encrypt("owner_name", "Pat"))


@pytest.mark.parametrize("damage", ["", "v1.", "v1.!!!", "v1.AAAA", "v2.AAAA", "plain text", "v1.ÄÄÄÄ"])
def test_damaged_ciphertext_is_refused(damage: str) -> None:
    _, cipher = ring().create(uuid4())

    with pytest.raises(FieldUnreadable):
        cipher.decrypt("owner_name", damage)


def test_one_flipped_bit_is_noticed() -> None:
    _, cipher = ring().create(uuid4())
    ciphertext = cipher.encrypt("owner_name", "Pat Doe")
    flipped = ciphertext[:20] + ("A" if ciphertext[20] != "A" else "B") + ciphertext[21:]

    with pytest.raises(FieldUnreadable):
        cipher.decrypt("owner_name", flipped)


def test_nothing_stays_nothing() -> None:
    _, cipher = ring().create(uuid4())

    assert cipher.encrypt_optional("owner_name", None) is None
    assert cipher.decrypt_optional("owner_name", None) is None
    assert ring().blind_index_optional(None, "email") is None


def test_rotation_rewraps_the_key_and_leaves_the_fields_alone() -> None:
    before = ring(k1=OLD)
    wrapped, cipher = before.create(uuid4())
    ciphertext = cipher.encrypt("owner_name", "Pat")

    both = KeyRing({"k2": NEW, "k1": OLD}, PEPPER)
    fresh = both.rewrap(wrapped)

    after = KeyRing({"k2": NEW}, PEPPER)
    assert fresh.key_id == "k2"
    assert after.open(fresh).decrypt("owner_name", ciphertext) == "Pat"
    assert both.rewrap(fresh) is fresh
    with pytest.raises(FieldUnreadable):
        after.open(wrapped)


def test_a_key_cannot_be_passed_off_as_wrapped_by_another() -> None:
    both = KeyRing({"k2": OLD, "k1": OLD}, PEPPER)
    wrapped, _ = both.create(uuid4())

    with pytest.raises(FieldUnreadable):
        both.open(WrappedKey(wrapped.subject_id, "k1", wrapped.wrapped))


SPELLINGS = [
    ("email", " Pat.Doe@Example.COM ", "pat.doe@example.com"),
    ("phone", "(512) 555-0123", "+1 512 555 0123"),
    ("phone", "512.555.0123 ext. 4", "15125550123"),
    ("phone", "\uff15\uff11\uff12 555 0123", "5125550123"),
    ("name", "DOE,  Pat", "doe pat"),
    ("address", "12 Elm St., Apt 4", "12 ELM ST APT 4"),
]


@pytest.mark.parametrize(("kind", "one", "other"), SPELLINGS)
def test_two_spellings_have_one_index(kind: str, one: str, other: str) -> None:
    assert ring().blind_index(one, kind) == ring().blind_index(other, kind)  # type: ignore[arg-type]


def test_the_index_depends_on_pepper_kind_and_value() -> None:
    indexes = {
        KeyRing({}, PEPPER).blind_index("a@b.co", "email"),
        KeyRing({}, b"q" * 32).blind_index("a@b.co", "email"),
        KeyRing({}, PEPPER).blind_index("a@b.co", "name"),
        KeyRing({}, PEPPER).blind_index("a@b.com", "email"),
    }
    assert len(indexes) == 4
    assert all(len(index) == 64 for index in indexes)


def test_phones_of_other_countries_keep_their_prefix() -> None:
    assert normalise("+44 20 7946 0018", "phone") == "+442079460018"


def test_settings_hold_the_newest_key_first() -> None:
    settings = Settings().model_copy(
        update={
            "field_keys": SecretStr(f"k2:{encode_key(NEW)},k1:{encode_key(OLD)}"),
            "blind_index_pepper": SecretStr(encode_key(PEPPER)),
        }
    )
    assert KeyRing.from_settings(settings).newest == "k2"


@pytest.mark.parametrize(
    "bad", ["k1", f"k1:{encode_key(b'short')}", f":{encode_key(OLD)}", f"a b:{encode_key(OLD)}"]
)
def test_malformed_keys_stop_the_start_without_showing_themselves(bad: str) -> None:
    settings = Settings().model_copy(update={"field_keys": SecretStr(bad)})

    with pytest.raises(ValueError, match="FIELD_KEYS") as refusal:
        KeyRing.from_settings(settings)
    assert encode_key(OLD) not in str(refusal.value)


def test_without_keys_nothing_is_stored_in_clear() -> None:
    empty = KeyRing({}, b"")
    with pytest.raises(Unavailable):
        empty.create(UUID(int=1))
    with pytest.raises(Unavailable):
        empty.blind_index("a@b.co", "email")
