"""What became of enrollments: how each one ended in HubSpot, and whether the contact replied.

In go enrollments, HubSpot's search and contact properties, and hints from webhooks; out come ends and replies, written
with their journal lines and outbound events. HubSpot may refuse to search or lag behind: then an end is found later, by
looks at single contacts. An end whose kind or time HubSpot does not show is recorded as inferred.

Other rooms may import `wiring`, `hint_store`, `ends` (the vocabulary of ends) and, for one figure, `statements`.
"""
