"""The HTTP API: one table of routes (``routes.py``), handlers over plain data, Azure at the rim (``blueprint.py``)."""
