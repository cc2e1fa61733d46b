"""Decisions about state and time as plain functions: `now` and randomness are arguments, nothing performs I/O."""
