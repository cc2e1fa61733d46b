"""Outbound events: signed webhooks to the operator's own systems when an enrollment's state changes.

In go transitions, noted in their own transaction; out come POSTs to the endpoints of the rules, each event at least
once under one `webhook-id`. An endpoint that fails is retried by a schedule and spared by a breaker; one that answers
410 is disabled until an operator enables it. Nothing here raises for what an endpoint does.

Other rooms may import `wiring`, `status`, `operator_store`, and `note` and `no_endpoints` of `store`.
"""
