"""Outcomes: what became of the contacts of accepted imports, who was not taken, and why."""
