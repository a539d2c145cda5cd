"""What is deployed: nothing but the app, complete, small enough, and quick to start."""

import re
import statistics
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.infra.environments import ROOT, environment, python
from tests.infra.functions import functions_in
from tests.infra.package import files_of, pack

MOST_MEGABYTES = 150
SLOWEST_IMPORT_SECONDS = 1.5
INSTALLERS = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence")
"""What a virtual environment has and a deployment has not."""

_IMPORT = "import time; start = time.process_time(); import function_app; print(time.process_time() - start)"


@pytest.fixture(scope="module")
def deployed() -> Path:
    """A virtual environment with requirements.txt and nothing else."""
    return environment("package", ROOT / "requirements.txt")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built and unpacked somewhere else."""
    folder = tmp_path_factory.mktemp("package")
    pack(ROOT, folder / "package.zip")
    with zipfile.ZipFile(folder / "package.zip") as package:
        package.extractall(folder / "app")
    return folder / "app"


def test_the_package_is_the_app_and_nothing_else() -> None:
    """No test, no local world, no template, no notes: four entries at the top, and only code below."""
    files = files_of(ROOT)
    assert {path.parts[0] for path in files} == {"function_app.py", "host.json", "requirements.txt", "shared"}
    assert {path.suffix for path in files if path.parts[0] == "shared"} == {".py"}


def test_settings_of_a_developer_stay_at_home(tmp_path: Path) -> None:
    """Files that hold secrets on a developer's machine are left out wherever they lie."""
    (tmp_path / ".funcignore").write_text((ROOT / ".funcignore").read_text())
    secrets = ["local.settings.json", ".env", ".azure/prod/.env", "shared/local.settings.json", "shared/.env"]
    for name in [*secrets, "function_app.py"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert files_of(tmp_path) == [Path("function_app.py")]


def test_no_secret_is_written_in_the_package(unpacked: Path) -> None:
    """No account key, no token and no address with a signature."""
    secret = re.compile(r"AccountKey=\w|SharedAccessSignature=|[?&]sig=\w|Api-Token: \w|-----BEGIN")
    guilty = [path for path in unpacked.rglob("*") if path.is_file() and secret.search(path.read_text())]
    assert guilty == []


def test_every_function_loads_from_the_package_alone(unpacked: Path, deployed: Path) -> None:
    """With requirements.txt and nothing else, the worker finds the same functions as in this folder."""
    assert functions_in(unpacked, python(deployed)) == functions_in(ROOT, Path(sys.executable))


def test_the_package_is_small_enough_with_all_its_libraries(unpacked: Path, deployed: Path) -> None:
    """Code and libraries unpack to less than the limit, and to about what infra/README.md says."""
    (libraries,) = deployed.glob("lib/python*/site-packages")
    weights = {path.name: _megabytes(path) for path in libraries.iterdir() if not path.name.startswith(INSTALLERS)}
    total = sum(weights.values()) + _megabytes(unpacked)
    heaviest = sorted(weights.items(), key=lambda weight: -weight[1])[:8]
    assert total < MOST_MEGABYTES, heaviest
    (stated,) = re.findall(r"\| \*\*together\*\* \| \*\*(\d+) MB\*\* \|", (ROOT / "infra" / "README.md").read_text())
    assert abs(total - int(stated)) < 10, (total, heaviest)


def _megabytes(path: Path) -> float:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file()) / 1_000_000


def test_a_cold_start_does_not_wait_long_for_the_import(unpacked: Path, deployed: Path) -> None:
    """Importing the app in a new process takes less than the limit, in the middle of five tries.

    In seconds of the processor: importing waits for nothing, and other tests on the machine should not count.
    """
    seconds = sorted(_import_seconds(unpacked, python(deployed)) for _ in range(5))
    assert statistics.median(seconds) < SLOWEST_IMPORT_SECONDS, seconds


def _import_seconds(folder: Path, interpreter: Path) -> float:
    answer = subprocess.run(
        [interpreter, "-c", _IMPORT],
        cwd=folder,
        env={"PYTHONDONTWRITEBYTECODE": "1"},  # a deployed app is read-only, too
        capture_output=True,
        text=True,
        check=True,
    )
    return float(answer.stdout)
