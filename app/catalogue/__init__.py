"""What HubSpot lists for rules to name: sequences, owners and users, as rows for operators.

In go an account and the senders of the rules; out come rows, from a cache with their age where a service shows them.
`Busy` means that HubSpot cannot be read and nothing is cached; a command gets what the client raises.

`live` reads one sequence, or one person's enrollment, and caches nothing.

Other rooms may import `cache`, `live`, `rows`, `pages`, and `listing_store`, which keeps the last listings for names.
"""
