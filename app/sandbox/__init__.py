"""A HubSpot to practise on: the routes, shapes, checks, limits, refusals and delays of the real one.

It speaks HTTP and knows nothing of the rest of Segue: an error in our reading of HubSpot's API shows up as a
disagreement instead of being made twice. Built from HubSpot's published interface and from what live runs have told.

app, ways, answering            every route, and the way of one request: counted, paced, authorised, delayed, answered
portals, state                  the accounts, each chosen by its token, and all that one of them knows
contacts, search, consent       what contacts' routes do: write and read, find, record a legal basis
sequences, willing              enroll, and whom HubSpot refuses to enroll
workflows, users, owners, accounts      the other routes
oauth, introspection, grants    consent, tokens that expire, and what they stand for
people      contacts with their lagging sequence properties
refusals, on_request            HubSpot's error bodies, as data, and each of them on request
limits, faults, ledger          the rolling windows, trouble on request, what was received
outbox, signing, courier        webhooks out: batched, signed, tried again
control, happenings, hooks, page        the practitioner's side: settings, replies and opt-outs, subscribers, a page

docs/sandbox.md lists every route, handle and setting.
"""
