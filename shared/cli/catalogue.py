"""Every setting of every process, found in the code: what `.env.example` holds."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

ROOT = Path(__file__).resolve().parents[2]
HEADER = """\
# Every setting with its default, written by `ridgeline settings`. Secrets have no default.
# `make setup` keeps the values of this machine in .ridgeline/env; a variable of the process wins over that file.
"""


def example() -> str:
    """The text of `.env.example`: one section a settings class, one line a variable, each variable once."""
    seen: set[str] = set()
    sections = [HEADER]
    for kind in settings_classes():
        fresh = {name: line for name, line in _lines(kind) if name not in seen}
        seen |= fresh.keys()
        if fresh:
            title = inspect.getdoc(kind) or kind.__name__
            sections.append(f"# {kind.__module__}: {title.splitlines()[0]}\n" + "".join(fresh.values()))
    return "\n".join(sections)


def settings_classes() -> list[type[BaseSettings]]:
    """Every settings class of the project, the common one first."""
    found: dict[type[BaseSettings], None] = {}
    for module_name in ["shared.settings", *_modules("shared"), *_modules("services")]:
        module = importlib.import_module(module_name)
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, BaseSettings)
                and value.__module__ == module_name
            ):
                found[value] = None
    return list(found)


def variable_names(kind: type[BaseSettings]) -> list[str]:
    """The environment variables a settings class declares itself."""
    return [name for name, _ in _lines(kind)]


def _modules(package: str) -> Iterator[str]:
    """Modules of a package that hold settings, by name."""
    root = importlib.import_module(package)
    for info in pkgutil.walk_packages(root.__path__, f"{package}.", onerror=_raise):
        if info.name.rpartition(".")[2].endswith("settings"):
            yield info.name


def _lines(kind: type[BaseSettings]) -> Iterator[tuple[str, str]]:
    """Name and line of each variable that the class itself declares."""
    comments = _comments(kind)
    prefix = kind.model_config.get("env_prefix", "")
    for attribute, field in kind.model_fields.items():
        if attribute not in kind.__annotations__:
            continue
        name = (field.alias or f"{prefix}{attribute}").upper()
        comment = f"# {comments[attribute]}\n" if attribute in comments else ""
        yield name, f"{comment}{name}={_default(field)}\n"


def _default(field: FieldInfo) -> str:
    """The default as it would be written in the environment; nothing for one that is found at the start."""
    value: Any = None if field.is_required() or field.default_factory is not None else field.default
    if value is None or isinstance(value, SecretStr):
        return ""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Path) and value.is_relative_to(ROOT):
        return str(value.relative_to(ROOT))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _comments(kind: type[BaseSettings]) -> dict[str, str]:
    """The sentence under each field, as the source has it."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)  # noqa: S101 - the source of a class
    found: dict[str, str] = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        is_field = isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        is_text = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if is_field and is_text:
            found[field.target.id] = " ".join(str(below.value.value).split())  # type: ignore[attr-defined]
    return found


def _raise(name: str) -> None:
    """A package that cannot be imported must not vanish from the catalogue."""
    raise ImportError(name)
