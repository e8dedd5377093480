"""The compliance report of a release: `vasari comply`.

duties     what is demanded, what vasari does, what remains, which figures show it: the one table, docs/law.md's too
gathering  what is installed, whose keys, which settings, what was measured and tested
record     the report as a record, and which duty is met
page       the same for people: one page that opens offline
binding    both in a folder, signed; and whether they still are
"""
