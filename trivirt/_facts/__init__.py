"""Facts about the API, and the generator that writes `types`, `services` and their tables.

Nothing here is part of an installed package, and nothing else imports it.
"""
