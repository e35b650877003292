"""How much of everything a synthetic data center has, and what is where.

One host for about 20 VMs, one cluster for ten hosts, a data center for ten clusters, a storage
domain and a network for each hundred VMs.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass

NOBODY = "00000000-0000-0000-0000-000000000000"
GIB = 1024**3


@dataclass(frozen=True)
class Layout:
    """The counts, and ids and numbers that are the same for the same seed."""

    vms: int
    seed: int

    @property
    def hosts(self) -> int:
        return max(2, -(-self.vms // 20))

    @property
    def clusters(self) -> int:
        return -(-self.hosts // 10)

    @property
    def data_centers(self) -> int:
        return -(-self.clusters // 10)

    @property
    def storage_domains(self) -> int:
        """Per data center."""
        return max(2, -(-self.vms // (100 * self.data_centers)))

    @property
    def networks(self) -> int:
        """Per data center, the management network among them."""
        return max(3, min(20, self.vms // 100))

    def id(self, kind: str, *parts: object) -> str:
        """An id that looks like those of an engine: a random UUID, of version 4."""
        text = self._digest(kind, *parts).hex()
        variant = "89ab"[int(text[16], 16) & 3]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"

    def spread(self, below: int, kind: str, *parts: object) -> int:
        """A number from 0 that is arbitrary, and always the same."""
        return int.from_bytes(self._digest(kind, *parts)[:4], "big") % below

    def _digest(self, kind: str, *parts: object) -> bytes:
        text = repr((self.seed, kind, *parts)).encode()
        return hashlib.md5(text, usedforsecurity=False).digest()

    def data_center_of_cluster(self, cluster: int) -> int:
        return cluster // 10

    def cluster_of_host(self, host: int) -> int:
        return host // 10

    def host_of_vm(self, vm: int) -> int:
        return vm % self.hosts

    def cluster_of_vm(self, vm: int) -> int:
        return self.cluster_of_host(self.host_of_vm(vm))

    def is_up(self, vm: int) -> bool:
        """Seven of ten VMs run."""
        return vm % 10 not in (2, 5, 8)


def default_quota(center: str) -> str:
    """The id of the quota that a data center has from the start."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"quota of {center}"))
