"""The compiler of rules: validated entries become what the rulebook holds.

In: the parts of the rules file. Out: accounts, senders, pools, windows, endpoints and rules. References from one entry
to another are checked here; mistakes go to the load's `Diagnostics`, and nothing is raised.

`app.rules.load` imports these modules; commands import `accounts` (`joining_by_oauth`).
"""
