"""The console: people see in a browser what became of each lead, and act on it.

In: a request below `/admin`. Out: a page. It is the top of the service beside the API, and calls the same functions.
"""
