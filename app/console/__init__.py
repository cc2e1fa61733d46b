"""The console: pages at `/admin` on which people see what became of each lead, and act on it.

In: a browser's request with a session's cookie. Out: a page that answers one question by a sentence first, then the
evidence, then the one action; the same model as JSON at the path with `.json`. A request without a session is sent to
sign in; a role that is too low, a form of another site, and a store that is away are pages that say so.

`site` is the application, `page` what a page is made of, `pages/` has one module for each page, found by being there,
and `signin/` who may come in. It is the top of the service beside the API: pages read by the rooms' stores, and change
by the functions that the API and the commands call.
"""
