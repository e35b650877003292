"""Documents of an engine that is newer than its clients.

They are changed as text, behind the renderer, because by their nature no type of ours can hold
what is added.
"""

from __future__ import annotations

import re

STATUS = re.compile(rb"<status>[a-z_]+</status>")
OPENING = re.compile(rb'(<[a-z_]+ href="[^"]*" id="[^"]*")(>\n)')

ELEMENT = (
    b"<flux_capacitor>\n<power>1.21</power>\n<links><link rel='x'/></links>\n</flux_capacitor>\n"
)


def made_newer(document: bytes) -> bytes:
    """The same with an unknown element and attribute in each object, and states nobody knows."""
    document = STATUS.sub(b"<status>levitating</status>", document)
    return OPENING.sub(rb'\1 epoch="9"\2' + ELEMENT, document)
