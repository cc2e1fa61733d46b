"""Logs and metrics of one process.

In: log events and counts. Out: lines on a stream, and a page for Prometheus. No line and no label names a person.

Others import `logs` (`configure`, `hash_email`), `metrics` (`Metrics`), `unknown_paths` (`UnknownPaths`, which keeps
the last paths of webhooks that do not exist, in memory) and `shared` (the slots by which processes speak for each
other).
"""
