"""`ovirt-img` of ovirt-imageio: a disk up, and down again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import ovirtsdk4

COMMAND = Path(sys.executable).with_name("ovirt-img")
OPTIONS = {
    "--engine-url": os.environ["OVIRT_URL"].removesuffix("/ovirt-engine/api"),
    "--username": os.environ["OVIRT_USERNAME"],
    "--password-file": "password",
    "--cafile": os.environ["OVIRT_CAFILE"],
}


def run(command: str, *words: str) -> None:
    options = [word for pair in OPTIONS.items() for word in pair]
    done = subprocess.run(
        [sys.executable, str(COMMAND), command, *options, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    print(command, done.returncode, done.stderr.splitlines()[-1:] if done.returncode else "")


def main() -> None:
    Path("password").write_text(os.environ["OVIRT_PASSWORD"], encoding="utf-8")
    Path("source.raw").write_bytes(bytes(range(256)) * (1 << 14) + bytes(12 << 20))
    run("upload-disk", "--storage-domain", "mydata", "--name", "new_image", "source.raw")
    run("upload-disk", "--storage-domain", "nothing", "source.raw")
    connection = ovirtsdk4.Connection(
        url=os.environ["OVIRT_URL"],
        username=os.environ["OVIRT_USERNAME"],
        password=os.environ["OVIRT_PASSWORD"],
        ca_file=os.environ["OVIRT_CAFILE"],
    )
    (disk,) = connection.system_service().disks_service().list(search="name=new_image")
    print(disk.name, disk.provisioned_size, disk.format, disk.status)
    connection.close()
    run("download-disk", "--format", "raw", disk.id, "back.raw")
    print(Path("back.raw").read_bytes() == Path("source.raw").read_bytes())
    run("download-disk", "00000000-0000-0000-0000-000000000001", "nothing.raw")


main()
