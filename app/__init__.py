"""Segue: webhooks in, HubSpot sequence enrollments out.

One road, twelve steps, each with its room:

receive    app.web.webhooks, app.intake   bytes of one HTTP request -> Delivery
verify     app.sources                    the provider's signature, over the raw bytes
normalise  app.sources                    Delivery -> Event(s)
match      app.rules                      Event -> Decision(s), with the reason of every "no"
queue      app.intake                     everything above, in one committed transaction, before the 2xx
assign     app.senders                    the sender, and why none of the others
prepare    app.enrollments                eligible, in its window, the contact and its baseline there
enroll     app.enrollments                claim -> permit -> enroll -> record, one HubSpot enrollment at most
record     app.enrollments                the state machine, fenced, journalled
follow     app.followup                   an enrolled contact -> how its sequence ended in HubSpot, known or inferred
send       app.outbound                   what became of it -> the operator's own systems, signed, at least once
report     app.reports, app.web.api       what happened, and why, by id, person, source or state
           app.console                    the same in sentences and pages, for people

Beside the road: app.bulk does what operators ask for many rows at once, app.enrichment asks providers about thin
events, app.accounts connects HubSpot accounts, app.catalogue lists what HubSpot has, app.doctor reports what would
prevent enrollments, app.people has addresses and suppressions, app.audit records who did what, app.tallies counts by
the hour, app.console has the pages for people, app.hubspot sends requests to HubSpot, app.database stores everything,
app.sandbox is an emulated HubSpot for practice.
app.main is the composition root, app.processes forks and watches, app.process is what every process has, app.workers
the background work.
"""

__version__ = "0.1.0"
