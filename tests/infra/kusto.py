"""Microsoft's own parser of the Kusto language, which knows its grammar, its functions and the columns of a result."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.npm import NODE, install_package
from tests.infra.environments import ROOT

PACKAGE = "@kusto/language-service-next"
VERSION = "12.4.1"
TABLES = {
    "traces": "(timestamp: datetime, message: string)",
    "exceptions": "(timestamp: datetime, outerMessage: string, innermostMessage: string, operation_Name: string)",
}
"""As far as we read them; an Application Insights resource gives these names to the tables AppTraces and AppExceptions:
https://learn.microsoft.com/azure/azure-monitor/reference/tables/apptraces"""

_FOLDER = ROOT / ".kusto-package"
_PROGRAM = Path(__file__).with_name("kusto.js")


@dataclass(frozen=True)
class Parsed:
    """What the parser objects to in a query, and the names of the columns that it gives out."""

    objections: list[str]
    columns: list[str]


def parse(queries: Mapping[str, str]) -> dict[str, Parsed]:
    """Every query by its name, parsed against the tables of Application Insights."""
    package = install_package(PACKAGE, VERSION, _FOLDER)
    question = json.dumps({"tables": TABLES, "queries": queries})
    answer = subprocess.run([NODE, _PROGRAM, package], input=question, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return {name: Parsed(**parsed) for name, parsed in json.loads(answer.stdout).items()}
