"""Interactive figures that need no connection and no kernel: every number is computed here, at build time.

`pooling_table` and `node_table` make the numbers, `panel` the part of a page that shows them, `write` the files.
"""
