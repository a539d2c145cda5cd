"""Addresses and patterns that an account refuses: https://help.activecampaign.com, "Exclusion list"."""

import re
from collections.abc import Iterable


class Exclusions:
    """The exclusion list of an account: whole addresses, ``@domain`` or a bare domain, and patterns with ``*``."""

    def __init__(self, entries: Iterable[str]) -> None:
        known = {_plainly(entry.strip().casefold()) for entry in entries if entry.strip()}
        self._patterns = [_pattern(entry) for entry in sorted(known) if "*" in entry]
        self._plain = {entry for entry in known if "*" not in entry}

    def has(self, email: str) -> bool:
        """Whether the account refuses that address."""
        address = email.casefold()
        domain = address.rpartition("@")[2]
        return bool(self._plain & {address, domain, f"@{domain}"}) or any(
            pattern.fullmatch(address) for pattern in self._patterns
        )


def _plainly(entry: str) -> str:
    """Everybody of a domain is the domain: most patterns are of that kind, and a set finds them sooner."""
    return entry[1:] if entry.startswith("*@") and "*" not in entry[1:] else entry


def _pattern(entry: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, entry.split("*"))), re.DOTALL)
