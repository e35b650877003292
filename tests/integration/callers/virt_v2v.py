"""The scripts inside of virt-v2v that upload a machine to oVirt, called as virt-v2v calls them.

They are part of its binary. Each is told what to do by a JSON document; see OCaml's
`output_rhv_upload` in virt-v2v for the order.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

SIZE = 8 << 20
PARTS = {
    "cancel": "upload cancel",
    "createvm": "upload create VM",
    "finalize": "upload finalize",
    "plugin": "upload nbdkit plugin",
    "precheck": "pre-upload checks",
    "transfer": "upload start transfer",
    "vmcheck": "VM existence check",
}
OVF = """<?xml version="1.0" encoding="UTF-8"?>
<ovf:Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1/"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ovf:version="0.9">
  <References><File ovf:href="{disk}" ovf:id="{disk}" ovf:size="{size}"/></References>
  <Section xsi:type="ovf:DiskSection_Type">
    <Disk ovf:diskId="{disk}" ovf:size="1" ovf:capacity="{size}" ovf:fileRef="{disk}"/>
  </Section>
  <Content ovf:id="out" xsi:type="ovf:VirtualSystem_Type">
    <Name>new_converted</Name><TemplateId>00000000-0000-0000-0000-000000000000</TemplateId>
  </Content>
</ovf:Envelope>
"""


def extract() -> None:
    found = shutil.which("virt-v2v")
    assert found is not None
    text = Path(found).read_bytes()
    for match in re.finditer(rb"# -\*- python -\*-\n# oVirt or RHV ([^\n]*) used by", text):
        (name,) = [name for name, words in PARTS.items() if words.encode() in match[1]]
        end = text.index(b"\0", match.start())
        # Before the zeros comes a byte of padding that is none of the text's.
        Path(f"{name}.py").write_bytes(text[match.start() : end].rstrip(bytes(range(8))))


def call(name: str, parameters: dict[str, Any], *more: str) -> Any:
    Path("parameters.json").write_text(json.dumps(parameters), encoding="utf-8")
    line = [sys.executable, f"{name}.py", "parameters.json", *more]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    print(name, done.returncode, done.stdout.strip())
    print("\n".join(done.stderr.splitlines()[-1:]))
    return json.loads(done.stdout) if done.stdout.startswith("{") else None


def upload(transfer: dict[str, Any]) -> None:
    """Write a disk through nbdkit and the plugin; it does not import ovirtsdk4."""
    Path("source.img").write_bytes(os.urandom(1 << 20) + bytes(SIZE - (1 << 20)))
    options = {
        "url": transfer["destination_url"],
        "cafile": os.environ["OVIRT_CAFILE"],
        "insecure": "false",
        "is_ovirt_host": "false",
        "size": str(SIZE),
    }
    copy = "qemu-img convert -n -f raw -O raw source.img $uri"
    line = ["nbdkit", "-U", "-", "python", "plugin.py"]
    line += [f"{name}={value}" for name, value in options.items()]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([*line, "--run", copy], env=environment, check=False)
    print("upload", done.returncode)


def main() -> None:
    extract()
    Path("password").write_text(os.environ["OVIRT_PASSWORD"] + "\n", encoding="utf-8")
    parameters: dict[str, Any] = {
        "verbose": True,
        "output_conn": os.environ["OVIRT_URL"],
        "output_password": "password",
        "output_storage": "mydata",
        "output_name": "new_converted",
        "rhv_cafile": os.environ["OVIRT_CAFILE"],
        "rhv_cluster": "mycluster",
        "rhv_direct": True,
        "insecure": False,
        "output_sparse": True,
        "disk_format": "raw",
    }
    checked = call("precheck", parameters)
    parameters |= checked
    call("precheck", {**parameters, "rhv_cluster": "nowhere"})
    call("vmcheck", parameters)
    call("vmcheck", {**parameters, "output_name": "myvm"})
    disk = "11111111-2222-3333-4444-555555555555"
    transfer = call(
        "transfer", {**parameters, "disk_name": "sda", "disk_uuid": disk, "disk_size": SIZE}
    )
    upload(transfer)
    ids = {"transfer_ids": [transfer["transfer_id"]], "disk_uuids": [disk]}
    call("finalize", {**parameters, **ids})
    Path("vm.ovf").write_text(OVF.format(disk=disk, size=SIZE), encoding="utf-8")
    call("createvm", {**parameters, "rhv_cluster_uuid": checked["rhv_cluster_uuid"]}, "vm.ovf")
    other = "11111111-2222-3333-4444-666666666666"
    begun = call(
        "transfer", {**parameters, "disk_name": "sdb", "disk_uuid": other, "disk_size": SIZE}
    )
    call("cancel", {**parameters, "transfer_ids": [begun["transfer_id"]], "disk_uuids": [other]})


main()
