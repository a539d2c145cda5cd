"""The host name of an ActiveCampaign account, in whatever form people paste it."""

import ipaddress
import re
from urllib.parse import urlsplit

_LABEL = re.compile(r"^(?!-)[a-z0-9-]{1,63}(?<!-)$")


def host_name(text: object) -> str:
    """The public https host name in a bare host, a URL, or a URL that ends in ``/api/3``.

    Raises ``ValueError`` on anything that could send the API key elsewhere: another scheme, user information, a port,
    an IP address, a name without a dot.
    """
    if not isinstance(text, str):
        raise ValueError("expected the API URL of the account's Settings > Developer page")  # noqa: TRY004
    pasted = text.strip().lower()
    parts = urlsplit(pasted if "//" in pasted else f"https://{pasted}")
    if parts.scheme != "https":
        raise ValueError("the address must start with https://")
    if parts.query or parts.fragment or parts.path.rstrip("/") not in ("", "/api", "/api/3"):
        raise ValueError("expected only the API URL, such as https://acme.api-us1.com, without a path of its own")
    return _public(parts.netloc)


def _public(host: str) -> str:
    if "@" in host or ":" in host:
        raise ValueError("a host name has no user information and no port")
    if _is_address(host):
        raise ValueError("an IP address is not the host name of an ActiveCampaign account")
    labels = host.split(".")
    if len(labels) < 2 or len(host) > 253 or not all(_LABEL.match(label) for label in labels):
        raise ValueError("not a public host name such as acme.api-us1.com")
    if labels[-1].isdecimal() or labels[-1] in ("local", "localhost", "internal"):
        raise ValueError("not a public host name such as acme.api-us1.com")
    return host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
