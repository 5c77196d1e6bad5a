"""The house tasks behind `python -m aggdist`: the environment, the tests, the book, tidying up.

What runs before the environment is there (`cli`, `environment`, `machine`, `tasks`, `terminal`) needs nothing
but the standard library.
"""
