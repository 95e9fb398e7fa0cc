"""The project's source as syntax trees, and the rules that are read off them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Module:
    """One Python file."""

    path: Path
    name: str
    text: str
    tree: ast.Module

    def at(self, node: ast.AST) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 0)}"


@cache
def modules(*packages: str, root: Path = ROOT) -> tuple[Module, ...]:
    """Every module of the packages, by dotted name."""
    found = []
    for package in packages:
        for path in sorted((root / package.replace(".", "/")).rglob("*.py")):
            relative = path.relative_to(root)
            name = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
            text = path.read_text()
            found.append(Module(relative, name, text, ast.parse(text)))
    return tuple(found)


def environment_reads(module: Module) -> Iterator[str]:
    """Places where the process's environment is read."""
    names = {"environ", "getenv", "environb"}
    for node in ast.walk(module.tree):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr=attribute) if attribute in names:
                yield module.at(node)
            case ast.ImportFrom(module="os") if names & {alias.name for alias in node.names}:
                yield module.at(node)


STATEMENTS = {"select", "insert", "update", "delete", "text", "union", "union_all", "exists"}


def sql_statements(module: Module) -> Iterator[str]:
    """Places where SQL is written or run: SQLAlchemy's constructors, and `.execute(...)`."""
    names = {
        alias.asname or alias.name
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy")
        for alias in node.names
        if alias.name in STATEMENTS
    }
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(func=ast.Name(id=called)) if called in names:
                yield module.at(node)
            case ast.Call(func=ast.Attribute(attr="execute" | "scalar" | "scalars" | "stream")):
                yield module.at(node)


def calls_of(module: Module, *names: str) -> Iterator[str]:
    """Places where a method or function of one of these names is called."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in names:
                yield module.at(node)


def long_functions(module: Module, most: int) -> Iterator[str]:
    """Functions of more than `most` lines."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > most:
                yield f"{module.at(node)} {node.name}: {length} lines"
