"""The control routes below `/_sandbox/`: what was received, settings, faults, simulated events of contacts.

JSON comes in and JSON goes out; a request that makes no sense is answered 404, 409 or 422 with a text. `routes` and
`faults` are what others import.
"""
