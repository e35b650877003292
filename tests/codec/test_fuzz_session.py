from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).parents[1] / "fuzz" / "codec.py"


def test_a_short_session_says_how_many_inputs_it_took() -> None:
    line = [sys.executable, str(FUZZ), "--seconds", "0.1", "--seed", "7"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert "inputs from seed 7" in done.stdout
