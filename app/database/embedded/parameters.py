"""The parameters with which the private server runs: durable, silent about people, and small while it idles.

Memory is what the machine counts for all processes of the server together, pages that they share once.
"""

from __future__ import annotations

FIXED = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "cluster_name": "segue",
    "max_connections": "100",
    # Durability. Nothing below may weaken it.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # Logs.
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",  # DETAIL would contain the e-mail addresses of a refused row
    "log_min_error_statement": "panic",
    # Memory. The system's file cache holds the rest; each process keeps an array as long as the number of buffers.
    "shared_buffers": "32MB",
    "huge_pages": "off",
    "max_pred_locks_per_transaction": "10",  # for serializable transactions, of which Segue has none
    # Processes. No statement of Segue gains from several processes, and none is replicated.
    "max_wal_senders": "0",
    "max_replication_slots": "0",
    "max_logical_replication_workers": "0",
    "max_worker_processes": "0",
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "autovacuum_max_workers": "2",
    # Compiling a statement takes longer than any of ours runs.
    "jit": "off",
}
# PostgreSQL refuses to start with a parameter that it does not know.
SINCE = {
    18: {
        "io_method": "sync",  # without the three processes that read ahead for large scans
        "autovacuum_worker_slots": "2",
    },
}


def server_parameters(major: int, socket_folder: str) -> dict[str, str]:
    """Return the parameters of a server of version `major` with its socket in `socket_folder`."""
    newer = {name: value for since, more in SINCE.items() if major >= since for name, value in more.items()}
    return FIXED | newer | {"unix_socket_directories": socket_folder}
