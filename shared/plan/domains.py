"""Internationalised domains, mapped to ASCII as browsers do (UTS 46)."""

from collections.abc import Iterable

import idna


def ascii_forms(domains: Iterable[str]) -> dict[str, str]:
    """The ASCII form of each domain that has one."""
    return {domain: form for domain in domains if (form := ascii_domain(domain))}


def ascii_domain(domain: str) -> str | None:
    """The ASCII form of an internationalised domain, ``None`` where it has none."""
    try:
        return idna.encode(domain, uts46=True, std3_rules=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        return None
