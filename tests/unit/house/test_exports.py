"""Each package's public face is exactly its `__all__`."""

from __future__ import annotations

import ast
import importlib

import pytest

from tests.builders.source_code import SRC, modules_of

MODULES = [name for name in modules_of("cem") if not name.endswith("__main__")]
PACKAGES = [name for name in MODULES if (SRC / name.replace(".", "/") / "__init__.py").exists()]


@pytest.mark.parametrize("name", MODULES)
def test_all_names_exist_once(name: str) -> None:
    """Every module can be imported on its own account, and every name in its `__all__` is there, and once."""
    module = importlib.import_module(name)
    public = list(getattr(module, "__all__", []))
    assert [entry for entry in public if not hasattr(module, entry)] == []
    assert sorted(set(public)) == sorted(public)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_exports_what_it_gathers(name: str) -> None:
    """A package that only gathers names from its modules exports all of them, and nothing else."""
    body = ast.parse((SRC / name.replace(".", "/") / "__init__.py").read_text()).body
    if any(isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) for node in body):
        return  # It has code of its own, and imports what that needs.
    gathered: set[str] = set()
    for node in body:
        match node:
            case ast.ImportFrom(module=origin) if (origin or "").startswith(f"{name}."):
                gathered.update(alias.asname or alias.name for alias in node.names)
            case ast.Assign(targets=[ast.Name(id=target)]) | ast.AnnAssign(target=ast.Name(id=target)):
                gathered.add(target)
    public = {entry for entry in gathered if not entry.startswith("_")}
    assert public == set(getattr(importlib.import_module(name), "__all__", []))
