from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).parent / "benchmarks" / "run.py"


def test_without_a_yardstick_it_says_so_and_succeeds(tmp_path):
    done = subprocess.run(
        [sys.executable, str(RUN)],
        env={**os.environ, "TRIVIRT_BENCH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "no yardstick" in done.stdout
    assert str(tmp_path) in done.stdout


def test_a_driver_of_ours_that_fails_is_a_failure(tmp_path):
    """With a yardstick that finds an error in each driver."""
    (tmp_path / "compare.py").write_text(
        "import json, sys\n"
        "names = [word for word in sys.argv if 'trivirt_' in word]\n"
        "file = sys.argv[sys.argv.index('--save') + 1]\n"
        "results = {name: [{'error': 'no such host'}] for name in names}\n"
        "open(file, 'w').write(json.dumps({'results': results}))\n"
    )
    done = subprocess.run(
        [sys.executable, str(RUN), "--latency", "0"],
        env={**os.environ, "TRIVIRT_BENCH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.count("a driver failed: no such host") == 5
