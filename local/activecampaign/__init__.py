"""A stand-in for one ActiveCampaign account, as strict as the documentation of API v3 says the real one is.

    contacts.py fields.py   what an account holds            account.py   the account, and how a test sets it up
    limits.py               how often it may be asked        variants.py  what the documentation leaves open
    rows.py doorway.py      a bulk import at the door        imports.py   what becomes of it afterwards
    reports.py              how that is told                 faults.py    what can go wrong, on purpose
    exchange.py api.py call.py calls.py   request to answer  journal.py   what was asked, and what nobody may ask
    server.py transport.py  over a socket, or without one

Source of every rule and limit: https://developers.activecampaign.com/reference.
"""
