"""Logs and metrics of one process.

In: log events and counts. Out: lines on a stream, and a page for Prometheus. No line and no label names a person.

Others import `logs` (`configure`, `hash_email`) and `metrics` (`Metrics`).
"""
