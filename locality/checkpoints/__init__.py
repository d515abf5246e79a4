"""Denoisers at rest: `reading` loads any, `exported` is the form that ships, `networks` finds several."""
