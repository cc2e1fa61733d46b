"""`segue doctor`: checks that find, before the first enrollment, what would keep enrollments from being sent.

In: the rules and what HubSpot, the database and the public address answer. Out: one finding per check. A fact that
cannot be read makes its check `unknown`, never `failed`.

`requirements` and `named_properties` say what the rules need of an account, `fetch` reads the facts from HubSpot,
`client` visits the public address; `connection`, `daily_limit`, `senders`, `sequences`, `properties`,
`write_backs` and `lookups` judge the facts, `report` puts the judgements together. Only `fetch` and `client` perform
I/O. `examine` does both, for the command and for the job (`wiring`) that does the runs of which operators ask over HTTP
(`run_store`). Others import `client`, `examine`, `run_store`, `wiring`, `fetch`, `findings`, `report` and
`requirements`, and for `check --against-hubspot` `facts`, `properties` and `write_backs`.
"""
