"""Graded assignments: what is asked, a check on seeded random inputs, and notebooks with solutions for lecturers.

The check compares with quadrature, contour integrals, enumeration and simulation, never with the formula that is to
be derived.
"""
