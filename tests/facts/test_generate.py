"""The generated files are those of the facts, and the facts are whole."""

from __future__ import annotations

import ast
import json
import subprocess
import sys

import pytest
from surface_facts import ENUMS, ROOT, SERVICES, STRUCTS, methods

import trivirt.services
import trivirt.types

GENERATED = sorted((ROOT / "trivirt").glob("types/*.py")) + sorted(
    (ROOT / "trivirt").glob("services/*.py")
)


def test_nothing_differs() -> None:
    command = [sys.executable, str(ROOT / "trivirt/_facts/generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_counts() -> None:
    assert (len(STRUCTS), len(ENUMS), len(SERVICES)) == (220, 115, 288)
    assert len(list(methods())) == 706
    assert sorted(trivirt.types.__all__) == sorted([*STRUCTS, *ENUMS])
    assert sorted(trivirt.services.__all__) == sorted(SERVICES)


def test_every_correction_has_a_reason() -> None:
    corrections = json.loads((ROOT / "trivirt/_facts/corrections.json").read_text())
    assert all(correction["reason"].endswith(".") for correction in corrections)


@pytest.mark.parametrize("path", GENERATED, ids=lambda p: "/".join(p.parts[-2:]))
def test_everything_public_has_a_docstring(path) -> None:  # type: ignore[no-untyped-def]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{path.name}: {node.name}"


def test_no_phrase_is_left_over() -> None:
    """A phrase for something that the facts do not have is a misspelt name."""
    words = json.loads((ROOT / "trivirt/_facts/words.json").read_text())
    names = {method["name"] for _, method in methods()}
    full = {f"{service}.{method['name']}" for service, method in methods()}
    assert set(words["structs"]) == set(STRUCTS)
    assert set(words["enums"]) == set(ENUMS)
    assert set(words["services"]) <= set(SERVICES)
    assert set(words["methods"]) <= names | full
    stems = {name.removesuffix("Service") for name in SERVICES}
    assert set(words["nouns"]) <= set(STRUCTS) | stems
