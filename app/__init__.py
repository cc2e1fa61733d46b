"""Segue: webhooks in, HubSpot sequence enrollments out.

One road, twelve steps, each with its module:

receive    app.web.webhooks       bytes of one HTTP request -> Delivery
verify     app.sources            the provider's signature, over the raw bytes
normalise  app.sources            Delivery -> Event(s)
match      app.rules              Event -> Decision(s), with the reason of every "no"
queue      app.intake.store       everything above, in one committed transaction, before the 2xx
assign     app.senders.assign            who sends, and why none of the others
prepare    app.enrollments.prepare            eligible, in its window, the contact and its baseline there
enroll     app.enrollments.enroll             claim -> rate limit -> enroll -> record, one HubSpot enrollment at most
record     app.enrollments.store  the state machine, fenced, journalled
follow     app.followup.follow             an enrolled one -> how it ended in HubSpot, known or inferred
deliver    app.outbound.send            what became of it -> the operator's own systems, signed, once at least
report     app.web.api.events            what happened, and why, by id, person, source or state
"""

__version__ = "0.1.0"
