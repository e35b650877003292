"""Clusters and hosts of a synthetic data center."""

from __future__ import annotations

from trivirt import types
from trivirt.simulator._seed_layout import GIB, Layout
from trivirt.simulator._store import Store, reference


def add_cluster(store: Store, layout: Layout, number: int) -> None:
    data_center = layout.id("data center", layout.data_center_of_cluster(number))
    cluster = types.Cluster.from_dict(
        {
            "name": "Default" if number == 0 else f"cluster-{number}",
            "description": "The default server cluster" if number == 0 else "",
            "comment": "",
            "ballooning_enabled": True,
            "bios_type": "q35_sea_bios",
            "cpu": {"architecture": "x86_64", "type": "Secure Intel Cascadelake Server Family"},
            "custom_scheduling_policy_properties": [
                {"name": "HighUtilization", "value": "80"},
                {"name": "CpuOverCommitDurationMinutes", "value": "2"},
            ],
            "error_handling": {"on_error": "migrate"},
            "fencing_policy": {
                "enabled": True,
                "skip_if_connectivity_broken": {"enabled": False, "threshold": 50},
                "skip_if_gluster_bricks_up": False,
                "skip_if_gluster_quorum_not_met": False,
                "skip_if_sd_active": {"enabled": False},
            },
            "fips_mode": "undefined",
            "firewall_type": "firewalld",
            "gluster_service": False,
            "ha_reservation": False,
            "ksm": {"enabled": True, "merge_across_nodes": True},
            "log_max_memory_used_threshold": 95,
            "log_max_memory_used_threshold_type": "percentage",
            "memory_policy": {
                "over_commit": {"percent": 100},
                "transparent_huge_pages": {"enabled": True},
            },
            "migration": {
                "auto_converge": "inherit",
                "bandwidth": {"assignment_method": "auto"},
                "compressed": "inherit",
                "policy": {"id": "80554327-0569-496b-bdeb-fcbbf52b827b"},
            },
            "required_rng_sources": ["urandom"],
            "switch_type": "legacy",
            "threads_as_cores": False,
            "trusted_service": False,
            "tunnel_migration": False,
            "upgrade_in_progress": False,
            "version": {"major": 4, "minor": 7},
            "virt_service": True,
            "vnc_encryption": False,
        }
    )
    cluster.id = layout.id("cluster", number)
    cluster.data_center = reference(types.DataCenter, "/datacenters", data_center)
    cluster.mac_pool = reference(types.MacPool, "/macpools", layout.id("mac pool"))
    store.add("/clusters", cluster)
    profile = types.CpuProfile(
        id=layout.id("cpu profile", number),
        name=cluster.name,
        description="",
        cluster=reference(types.Cluster, "/clusters", cluster.id),
    )
    store.add("/cpuprofiles", profile)


def add_host(store: Store, layout: Layout, number: int) -> None:
    name = f"host-{number:03d}"
    host = types.Host.from_dict(
        {
            "name": name,
            "comment": "",
            "address": f"{name}.example",
            "auto_numa_status": "disable",
            "certificate": {
                "organization": "example",
                "subject": f"O=example,CN={name}.example",
            },
            "cpu": {
                "name": "Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz",
                "speed": 2500.0,
                "topology": {"cores": 20, "sockets": 2, "threads": 2},
                "type": "Secure Intel Cascadelake Server Family",
            },
            "device_passthrough": {"enabled": False},
            "external_status": "ok",
            "hardware_information": {
                "family": "Rack",
                "manufacturer": "Example Systems",
                "product_name": "Server 2",
                "serial_number": layout.id("serial", number),
                "supported_rng_sources": ["hwrng", "random"],
                "uuid": layout.id("hardware", number),
                "version": "1.0",
            },
            "iscsi": {"initiator": f"iqn.1994-05.com.example:{name}"},
            "kdump_status": "enabled",
            "ksm": {"enabled": False, "merge_across_nodes": True},
            "libvirt_version": {
                "build": 0,
                "full_version": "libvirt-10.5.0-7.el9",
                "major": 10,
                "minor": 5,
                "revision": 0,
            },
            "max_scheduling_memory": 300 * GIB,
            "memory": 384 * GIB,
            "network_operation_in_progress": False,
            "numa_supported": True,
            "os": {
                "custom_kernel_cmdline": "",
                "reported_kernel_cmdline": "BOOT_IMAGE=/vmlinuz-5.14.0 root=/dev/mapper/os-root ro",
                "type": "RHEL",
                "version": {"full_version": "9 - 1.el9", "major": 9},
            },
            "ovn_configured": True,
            "port": 54321,
            "power_management": {
                "automatic_pm_enabled": True,
                "enabled": False,
                "kdump_detection": True,
                "pm_proxies": [],
            },
            "protocol": "stomp",
            "reinstallation_required": False,
            "se_linux": {"mode": "enforcing"},
            "spm": {"priority": 5, "status": "spm" if number % 100 == 0 else "none"},
            "ssh": {"fingerprint": f"SHA256:{layout.id('ssh', number)}", "port": 22},
            "status": "up",
            "transparent_huge_pages": {"enabled": True},
            "type": "rhel",
            "update_available": number % 7 == 3,
            "version": {
                "build": 6,
                "full_version": "vdsm-4.50.6-1.el9",
                "major": 4,
                "minor": 50,
                "revision": 0,
            },
            "vgpu_placement": "consolidated",
        }
    )
    host.id = layout.id("host", number)
    cluster = layout.id("cluster", layout.cluster_of_host(number))
    host.cluster = reference(types.Cluster, "/clusters", cluster)
    running = sum(1 for vm in range(number, layout.vms, layout.hosts) if layout.is_up(vm))
    host.summary = types.VmSummary(active=running, migrating=0, total=running)
    store.add("/hosts", host)
