"""The tests: a package by name, for some library brings one called the same."""
