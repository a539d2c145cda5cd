"""A certificate authority for the stand-ins, and the bundle of certificates by which the app trusts it."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme
from requests.utils import DEFAULT_CA_BUNDLE_PATH

NAMES = (
    "localhost",
    "127.0.0.1",
    "*.vault.azure.net",
    "*.activehosted.com",
    "*.api-us1.com",
    "*.api-eu1.com",
)


@dataclass(frozen=True)
class Certificate:
    """A server's certificate: two PEM files."""

    chain: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """Make the TLS context of a server that shows this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        return context


class Authority:
    """A fresh authority that issues one certificate for all of `names`.

    `certificate` is that certificate, `bundle` a PEM file with the public authorities and this one, for
    REQUESTS_CA_BUNDLE and SSL_CERT_FILE. The authority's own key is never written down.
    """

    def __init__(self, folder: Path, names: tuple[str, ...] = NAMES) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        issued = authority.issue_cert(*names)
        self.certificate = Certificate(folder / "server.pem", folder / "server-key.pem")
        for number, part in enumerate(issued.cert_chain_pems):
            part.write_to_path(str(self.certificate.chain), append=number > 0)
        self.certificate.key.touch(mode=0o600)
        issued.private_key_pem.write_to_path(str(self.certificate.key))
        self.bundle = folder / "bundle.pem"
        self.bundle.write_bytes(Path(DEFAULT_CA_BUNDLE_PATH).read_bytes() + b"\n" + authority.cert_pem.bytes())
