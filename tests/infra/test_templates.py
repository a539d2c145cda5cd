"""The templates: whole, consistent with themselves and with the code, hardened, and with a reason for every role."""

import re
from typing import Any

import pytest

from shared import names
from shared.settings import read_settings
from tests.fakes import ENVIRONMENT
from tests.infra.environments import ROOT
from tests.infra.templates import INFRA, PATHS, Template, around, body, of_type, template, templates, uses

README = (INFRA / "README.md").read_text()
MAIN = template("main.bicep")
AZD = (ROOT / "azure.yaml").read_text()
VARIABLES = dict(re.findall(r'"(\w+)": \{ "value": "\$\{(\w+)', (INFRA / "main.parameters.json").read_text()))
"""Which variable of the environment sets which parameter."""
ACCOUNTS = of_type("Microsoft.Storage/storageAccounts")
ASSIGNMENTS = of_type("Microsoft.Authorization/roleAssignments")
ROLES = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "Storage Blob Data Reader",
    "db58b8e5-c6ad-4a2a-8342-4190687cbf4a": "Storage Blob Delegator",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": "Key Vault Secrets Officer",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
}
"""https://learn.microsoft.com/azure/role-based-access-control/built-in-roles"""

AT_THE_START = {
    *("name", "scope", "parent", "location", "kind", "sku", "plan", "tags", "identity", "zones", "managedBy"),
    "extendedLocation",
}
"""What Azure has to know of a resource before anything is deployed, as are conditions and loops:
https://github.com/Azure/bicep/blob/main/src/Bicep.Core/TypeSystem/Providers/Az/AzResourceTypeProvider.cs"""
KNOWN_AT_THE_START = {"id", "name", "type", "apiVersion"}
"""All that can be read of a resource by then. Of a module it is nothing."""

by_path = pytest.mark.parametrize("found", templates(), ids=[str(path.relative_to(INFRA)) for path in PATHS])


@by_path
def test_every_template_declares_only_what_it_uses(found: Template) -> None:
    """A parameter or variable that nothing uses is a mistake or a leftover."""
    declared = [*found.parameters, *found.variables]
    unused = [name for name in declared if uses(found.text, name) < 2]
    assert unused == []


@by_path
def test_resource_types_are_plain_and_pinned_to_released_versions(found: Template) -> None:
    """Every resource names a released API version, and no module comes from a registry: nothing needs a network."""
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", resource["api_version"]) for resource in found.resources.values())
    assert all(module["type"] == "local" for module in found.modules.values())


@by_path
def test_nothing_waits_for_a_resource_that_has_to_be_known_at_the_start(found: Template) -> None:
    """``location: account.location`` does not compile (BCP120); as the output of one module for another it does."""
    late = {
        f"{symbol}: {read}.{what}"
        for symbol, declared in {**found.resources, **found.modules}.items()
        for read, what in found.reads([around(declared["config"]), _at_the_start(declared["config"])])
        if read in found.modules or (read in found.resources and what not in KNOWN_AT_THE_START)
    }
    assert late == set()


def _at_the_start(config: dict[str, Any]) -> list[Any]:
    return [value for name, value in body(config).items() if name in AT_THE_START]


@by_path
def test_files_that_a_template_loads_are_there(found: Template) -> None:
    """Templates load their queries from files that exist."""
    loaded = re.findall(r"loadTextContent\('([^']+)'\)", found.text)
    assert all((found.path.parent / path).is_file() for path in loaded)


@pytest.mark.parametrize("symbol", MAIN.modules)
def test_every_module_is_given_exactly_what_it_asks_for(symbol: str) -> None:
    """Parameters that a module declares without a default are given, and no others that it does not know."""
    module = MAIN.modules[symbol]
    declared = template(module["detail"]["path"]).parameters
    assert set(body(module["config"])["params"]) == set(declared)


def test_every_output_that_is_used_exists_and_no_other() -> None:
    """Modules give out what main.bicep takes from them, and nothing else."""
    taken = set(re.findall(r"\b(\w+)!?\.outputs\.(\w+)", MAIN.text))
    given = {
        (symbol, output)
        for symbol, module in MAIN.modules.items()
        for output in template(module["detail"]["path"]).outputs
    }
    assert taken == given


def test_every_template_belongs_to_the_deployment() -> None:
    """No template lies around unused."""
    used = {INFRA / module["detail"]["path"] for module in MAIN.modules.values()} | {MAIN.path}
    assert used == set(PATHS)


def test_azd_fills_every_parameter_with_the_same_default_as_the_template() -> None:
    """``main.parameters.json`` offers each parameter as an environment variable, and changes no default."""
    offered = dict(
        re.findall(r'"(\w+)": \{ "value": "\$\{\w+=?([^}]*)\}" \}', (INFRA / "main.parameters.json").read_text())
    )
    declared = {name: _plain(parameter.get("default")) for name, parameter in MAIN.parameters.items()}
    assert offered == declared


def _plain(default: Any) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default if default is not None else "")


def test_every_parameter_is_described_to_those_who_deploy() -> None:
    """The README's table has the variables that set parameters, and no others."""
    rows = re.findall(r"^\| (`[A-Z].*?) \|", README, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(VARIABLES.values())
    assert all(any(d["type"] == "description" for d in p["decorators"]) for p in MAIN.parameters.values())


def test_queues_are_those_of_the_code() -> None:
    """Every queue and every poison queue exists before its function starts: a trigger never creates one."""
    created = template("app/state.bicep").variables["queueNames"]
    assert sorted(created) == sorted([*names.QUEUES, *map(names.poison, names.QUEUES)])
    assert body(template("app/drops.bicep").resources["poison"]["config"])["name"] == names.BLOB_TRIGGER_POISON


def test_containers_are_those_of_the_settings() -> None:
    """The containers that are created bear by default the names that the app assumes by default."""
    settings = read_settings(ENVIRONMENT)
    assert MAIN.parameters["segmentsContainer"]["default"] == settings.segments_container
    assert MAIN.variables["stateContainer"] == settings.state_container
    assert sum(found.text.count(f"'{settings.segments_container}'") for found in templates()) == 1


def test_an_existing_account_without_its_group_is_refused_by_name() -> None:
    """No default would be right, so Azure is given a group that it cannot find, and whose name says what is missing."""
    chosen = MAIN.variables["existingGroup"]["operator"]["operands"]
    assert chosen["true_value"].partition("-")[0] == VARIABLES["existingDropsResourceGroup"]
    assert chosen["false_value"] == "existingDropsResourceGroup"
    assert MAIN.variables["dropsGroup"]["operator"]["operands"]["false_value"] == "existingGroup"


def test_expiring_blobs_are_those_of_runs_and_drops() -> None:
    """Lifecycle rules reach runs and drops, and never a ledger, a connection or an export."""
    prefixes = re.findall(r"prefixMatch: \['([^']+)'\]", "".join(found.text for found in templates()))
    assert sorted(prefixes) == sorted([f"${{stateContainer}}/{names.RUNS}", "${segmentsContainer}/"])


@pytest.mark.parametrize(("symbol", "account", "found"), ACCOUNTS, ids=[found.path.stem for _, _, found in ACCOUNTS])
def test_storage_is_closed_to_keys_old_tls_and_the_public(
    symbol: str, account: dict[str, Any], found: Template
) -> None:
    """No shared key, no anonymous read, TLS 1.2, https only, nothing copied to another tenant."""
    properties = account["properties"]
    assert properties["allowSharedKeyAccess"] is False
    assert properties["allowBlobPublicAccess"] is False
    assert properties["allowCrossTenantReplication"] is False
    assert properties["minimumTlsVersion"] == "TLS1_2"
    assert properties["supportsHttpsTrafficOnly"] is True


def test_secrets_cannot_be_purged_and_telemetry_needs_a_role() -> None:
    """The vault goes by role and keeps what was deleted; Application Insights takes nothing from a mere key."""
    ((_, vault, _),) = of_type("Microsoft.KeyVault/vaults")
    ((_, insights, _),) = of_type("Microsoft.Insights/components")
    assert vault["properties"]["enableRbacAuthorization"] is True
    assert vault["properties"]["enablePurgeProtection"] is True
    assert insights["properties"]["DisableLocalAuth"] is True


def test_events_come_from_the_drops_container_only_and_reach_the_blob_function() -> None:
    """Event Grid filters by container and type, and calls the webhook of the function that the code registers."""
    ((_, subscription, found),) = of_type("Microsoft.EventGrid/systemTopics/eventSubscriptions")
    assert subscription["properties"]["filter"] == {
        "includedEventTypes": ["Microsoft.Storage.BlobCreated"],
        "subjectBeginsWith": "/blobServices/default/containers/${segmentsContainer}/blobs/",
    }
    assert "functionName=Host.Functions.segment_dropped&" in found.text


@by_path
def test_every_role_is_known_and_assigned(found: Template) -> None:
    """Role ids are built-in ones, and no variable holds one that is not assigned."""
    roles = dict(re.findall(r"^var (\w+) = '([0-9a-f]{8}-[0-9a-f-]{27})'$", found.text, re.MULTILINE))
    assert set(roles.values()) <= ROLES.keys()
    assigned = re.findall(r"'Microsoft.Authorization/roleDefinitions', (\w+)\)", found.text)
    assert set(assigned) == roles.keys()


@pytest.mark.parametrize(("symbol", "assignment", "found"), ASSIGNMENTS, ids=[symbol for symbol, _, _ in ASSIGNMENTS])
def test_every_role_has_its_reason_in_azure_and_in_the_readme(
    symbol: str, assignment: dict[str, Any], found: Template
) -> None:
    """A role assignment carries its reason; the README's table has the same role with the same reason."""
    properties = assignment["properties"]
    variable = properties["roleDefinitionId"]["function"]["parameters"]["resource_name_1"]
    role = ROLES[found.variables[variable]]
    rows = [row for row in README.splitlines() if row.startswith("|") and properties["description"] in row]
    assert len(rows) == 1
    assert f"| {role} |" in rows[0]


def test_the_readme_names_no_role_that_is_not_assigned() -> None:
    """The table of roles has one row for each assignment."""
    table = README.split("## Roles", 1)[1].split("\n## ", 1)[0]
    assert sum(row.startswith("|") for row in table.splitlines()) == len(ASSIGNMENTS) + 2


def test_azd_finds_the_service_and_its_hooks() -> None:
    """``azure.yaml`` deploys to the app that bears the service's tag, and runs hooks that exist for both systems."""
    (service,) = re.findall(r"^services:\n  (\w+):$", AZD, re.MULTILINE)
    assert f"'azd-service-name': '{service}'" in template("app/function-app.bicep").text
    hooks = [ROOT / path for path in re.findall(r"run: (infra/\S+)", AZD)]
    assert [hook.suffix for hook in hooks] == [".sh", ".ps1"]
    assert hooks[0].stat().st_mode & 0o100, "azd runs the hook as a program"


def test_a_pipeline_deploys_what_the_environment_says() -> None:
    """A pipeline gets every variable but those that azd knows by itself, and the README says which these are."""
    carried = re.findall(r"^    - (\w+)$", AZD, re.MULTILINE)
    (known,) = re.findall(r"^\| (`.*`) \| set by azd \|", README, re.MULTILINE)
    assert sorted(carried + re.findall(r"\w+", known)) == sorted(VARIABLES.values())


def test_people_are_told_which_azd_the_deployment_asks_for() -> None:
    """Both READMEs name the version that ``azure.yaml`` requires."""
    (version,) = re.findall(r'^  azd: ">= ([\d.]+)"', AZD, re.MULTILINE)
    assert f"{version} or newer" in README
    assert f"{version} or newer" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("hook", ["connect-drops.sh", "connect-drops.ps1"])
def test_hooks_use_only_what_the_deployment_gives_them(hook: str) -> None:
    """Variables of a hook are outputs of main.bicep, and it sets a parameter that main.bicep has."""
    text = (INFRA / "hooks" / hook).read_text()
    assert set(re.findall(r"COURIER_\w+", text)) <= MAIN.outputs
    assert set(re.findall(r"azd env set (\w+)", text)) == {"DROP_EVENTS"}
    assert "${DROP_EVENTS=" in (INFRA / "main.parameters.json").read_text()
