"""What the book shows beside its notebooks: generated pages, written at each build into `book/_generated/`.

No notebook imports this room, so a change here executes none of them anew. A function that writes is listed in
`aggdist.house.book.GENERATORS`.
"""
