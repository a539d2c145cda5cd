"""The host name of an account, in whatever form people paste it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.hosts import host_name


@pytest.mark.parametrize(
    "pasted",
    [
        "acme.api-us1.com",
        "ACME.api-us1.com",
        "  https://acme.api-us1.com ",
        "https://acme.api-us1.com/",
        "https://acme.api-us1.com/api/3",
        "https://acme.api-us1.com/api/3/",
        "acme.api-us1.com/api/3",
    ],
)
def test_every_form_gives_the_host(pasted: str) -> None:
    """A bare host, a URL and a URL that ends in /api/3 are the same account."""
    assert host_name(pasted) == "acme.api-us1.com"


@pytest.mark.parametrize(
    "pasted",
    [
        "",
        "acme",
        "localhost",
        "http://acme.api-us1.com",
        "ftp://acme.api-us1.com",
        "https://user:word@acme.api-us1.com",
        "https://acme.api-us1.com:8443",
        "https://203.0.113.7",
        "https://[2001:db8::1]/",
        "2130706433",
        "0x7f.1",
        "acme.api-us1.com/admin",
        "https://acme.api-us1.com/?x=1",
        "https://acme.api-us1.com/#x",
        "-acme.example.com",
        "vault.internal",
        "acme..com",
        "acmé.example.com",
        7,
        None,
    ],
)
def test_what_could_carry_the_key_elsewhere_is_refused(pasted: object) -> None:
    """Another scheme, user information, a port, an address or a private name is no account."""
    with pytest.raises(ValueError, match=r"\w"):
        host_name(pasted)


@given(st.text(max_size=60))
def test_any_text_gives_a_plain_host_or_a_clear_error(text: str) -> None:
    """Whatever is accepted is a dotted lower-case name and nothing else."""
    try:
        host = host_name(text)
    except ValueError:
        return
    assert set(host) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
    assert host_name(f"https://{host}/api/3") == host
