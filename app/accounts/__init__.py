"""HubSpot accounts: how they are connected by OAuth, their access tokens, and their identity (portal id, time zone).

In go settings and a person's consent at HubSpot; out come a working access token for every request, and the identity of
each account. `NotConnected` means that the account is not connected yet, `GrantRevoked` that HubSpot ended the
grant, `DecryptionFailed` that the key of a stored token is missing, `InstallRefused` that connecting failed.

Other rooms may import `oauth` (opens all of it), `connect`, `encryption`, `identity`, `identity_store` and
`install_store`.
"""
