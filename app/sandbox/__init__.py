"""A HubSpot to practise on: the routes, shapes, checks, limits, refusals and delays of the real one.

It speaks HTTP and knows nothing of the rest of Segue: an error in our reading of HubSpot's API shows up as a
disagreement instead of being made twice. Built from HubSpot's published interface and from what live runs have told.

app         the way of one request: counted, paced, authorised, delayed, answered
contacts, sequences, owners     what each route does
people      contacts with their lagging sequence properties
refusals    HubSpot's error bodies, as data
limits, faults, ledger          the rolling window, trouble on request, what was received
control, page                   the practitioner's side: settings, and something to look at
"""
