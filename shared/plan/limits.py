"""How large one bulk import may be, and what stands around its contacts.

https://developers.activecampaign.com/reference/bulk-import-contacts
"""

from dataclasses import dataclass

MOST_CONTACTS = 250
MOST_BYTES = 399_999
"""UTF-8 of the whole body, as sent."""

OPENING = '{"contacts":['
_QUIET = '"exclude_automations":true'


@dataclass(frozen=True)
class Frame:
    """How each contact of an import ends, and how its body does."""

    ending: str
    closing: str


LOUD = Frame(ending="}", closing="]}")
"""Automations start for every contact."""

QUIET = Frame(ending=f",{_QUIET}}}", closing=f"],{_QUIET}}}")
"""No automations start. The text of the page has the member in the body, its example in a contact: it is in both."""

MOST_CONTACT_BYTES = MOST_BYTES - len(OPENING) - len(QUIET.closing)
"""Of the contacts of one import and the commas between them."""

LARGEST_CONTACT = MOST_CONTACT_BYTES - len(QUIET.ending) + len(LOUD.ending)
"""Bytes of a contact that fits into an import by itself even where it has to be kept quiet; that is not counted."""
