"""HubSpot's API. In go `Call`s (requests as values); out come what their replies say, or errors of `app.errors`.

Two clients open connections: `client` for an account's API, `oauth_client` for tokens. Every request of an account
waits for a permit of its rate limit, and the last check before its first byte tells whether it was sent. `NotSent`
means that it was not, `OutcomeUnknown` that this is unknown, `Refusal` that HubSpot refused it.

Other rooms may import `client`, `batched`, `oauth_client`, `owners`, `pages`, `properties`, `property_values`,
`observe`, `rate_limit`, `rate_limit_store`, `local_rate_limit`, `wiring` (opens a client and its rate
limit), and all of `api`.
"""
