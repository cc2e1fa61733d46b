"""RECEIVE to QUEUE: a webhook delivery is verified, normalised, matched and committed before its sender gets a 2xx.

In: one `Delivery`. Out: the `Response` to its sender; the delivery, its events, decisions and enrollments are committed
in one transaction. Errors are `DeliveryRejected` with the status of each case; Busy asks the sender to try again.

A stored event is decided again by `redecide`, another page: in an event's id, out `DecidedAgain`.

Others import `receive` (the page), `decide` (decisions with their ids), `entries` (the values), `group_commit` and
`rejected_store` (the stores that a process opens); for thin events `rows`, `statements`, `store` and `stored_event`; to
decide again `wiring`, `redecide`, `release` and `decided_again`; to try a source `send_sample` and `sample_delivery`;
and `rejected`, which says of a rejected delivery why.
"""
