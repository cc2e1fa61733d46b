"""The HTTP side of a process: webhooks from senders, the operators' API and its reference, health, metrics and OAuth.

In: HTTP requests, and a `Process` with everything that is open. Out: replies. An error is answered as a problem
document (RFC 9457); a delivery that cannot be stored gets 503, so that its sender repeats it. A port in use raises
StartError.

Others import `wiring` (the applications and their listeners) and `server` (`Listener`).
"""
