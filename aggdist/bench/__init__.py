"""The benchmark behind `make bench`: how exact and how fast the mathematics is, beside other packages.

Nothing else in aggdist imports it. `report.run` measures everything, prints the table and writes
`build/bench.json`; it fails when an accuracy is missed, never because of a time.
"""
