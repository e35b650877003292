"""The XML that real engines sent, as far as it is kept with the tests."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

RECORDINGS = Path(__file__).parents[1] / "recordings/dev.jsonl.gz"


def recorded() -> list[str]:
    with gzip.open(RECORDINGS, "rt", encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    return [
        one["body"]
        for one in found
        if one["api_version"] == "4" and "xml" in (one["headers"].get("content-type") or "")
    ]
