"""The Bicep templates as data, as far as a parser without a compiler can tell."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pycep import BicepParser

from tests.infra.environments import ROOT

INFRA = ROOT / "infra"
PATHS = sorted(INFRA.rglob("*.bicep"))


@dataclass(frozen=True)
class Template:
    """One parsed file. The parser does not tell a string from a name: both are plain text."""

    path: Path
    text: str
    tree: dict[str, Any]

    @property
    def parameters(self) -> dict[str, dict[str, Any]]:
        """Declared parameters by name."""
        return dict(self.tree.get("parameters", {}))

    @property
    def outputs(self) -> set[str]:
        """Names of the outputs."""
        return set(self.tree.get("outputs", {}))

    @property
    def modules(self) -> dict[str, dict[str, Any]]:
        """Modules by symbol, with ``detail`` and ``config``."""
        return dict(self.tree.get("modules", {}))

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """Resources by symbol, with ``type``, ``api_version``, ``existing`` and ``config``."""
        return dict(self.tree.get("resources", {}))

    @property
    def variables(self) -> dict[str, Any]:
        """Values of the variables by name."""
        return {name: variable["value"] for name, variable in self.tree.get("variables", {}).items()}

    def reads(self, value: Any) -> Iterator[tuple[str, str]]:
        """Symbol and property of every ``symbol.property`` in a value, and in the variables that it uses."""
        match value:
            case {"type": "property_accessor", "operands": {"operand_1": str(symbol), "operand_2": read}}:
                yield symbol, str(read)
            case dict():
                for part in value.values():
                    yield from self.reads(part)
            case list():
                for part in value:
                    yield from self.reads(part)
            case str():
                inserted = " ".join(re.findall(r"\$\{(.*?)\}", value)) or value
                yield from re.findall(r"\b(\w+)\.(\w+)", inserted)
                for name in set(re.findall(r"\w+", inserted)) & self.variables.keys():
                    yield from self.reads(self.variables[name])


@cache
def template(name: str) -> Template:
    """The template of that path below ``infra/``."""
    path = INFRA / name
    text = path.read_text()
    parsed: Any = BicepParser().parse(text=text)
    return Template(path, text, parsed)


def templates() -> list[Template]:
    """All of them."""
    return [template(str(path.relative_to(INFRA))) for path in PATHS]


def body(config: dict[str, Any]) -> dict[str, Any]:
    """What is inside the conditions and loops around a resource or a module."""
    while "config" in config and ("condition" in config or "loop_type" in config):
        config = config["config"]
    return config


def around(config: dict[str, Any]) -> list[Any]:
    """The conditions and loops around a resource or a module."""
    found = []
    while "config" in config and ("condition" in config or "loop_type" in config):
        found += [config.get("condition"), config.get("loop_type")]
        config = config["config"]
    return found


def of_type(kind: str) -> list[tuple[str, dict[str, Any], Template]]:
    """Symbol, body and template of every resource of that type that is created, not only referred to."""
    return [
        (symbol, body(resource["config"]), found)
        for found in templates()
        for symbol, resource in found.resources.items()
        if resource["type"] == kind and not resource["existing"]
    ]


def uses(text: str, name: str) -> int:
    """How often a name stands in a text as a word of its own."""
    return len(re.findall(rf"\b{re.escape(name)}\b", text))
