"""Outgoing webhooks: changes of contacts come in; signed batches go to subscribers and are retried for a while.

A delivery that fails is an answer of 0 in the subscriber's record; nothing is raised. `queue` collects and sends,
`client` posts, and `signing` signs as HubSpot does.
"""
