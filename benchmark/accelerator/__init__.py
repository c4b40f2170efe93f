"""What an hour on a GPU is used for, planned in advance: is it healthy, is it right, how fast is it, and the panel.

The work is divided into parts, and a part into items. Each part runs in a process of its own and writes one file of
what it found, item by item, so whatever ends it, all that it found is there, and it goes on with the next item.
"""
