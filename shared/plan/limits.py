"""How large one bulk import may be: https://developers.activecampaign.com/reference/bulk-import-contacts."""

MOST_CONTACTS = 250
MOST_BYTES = 399_999
"""UTF-8 of the whole body, as sent."""

OPENING = '{"contacts":['
CLOSING = "]}"
CLOSING_QUIET = '],"exclude_automations":true}'
"""Automations start for every contact of an import whose body does not exclude them."""

MOST_CONTACT_BYTES = MOST_BYTES - len(OPENING) - len(CLOSING_QUIET)
"""Of the contacts of one import and the commas between them."""
