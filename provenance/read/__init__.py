"""Who made this, and is it as they left it?

verification   of a file; watching: of a live stream, from `sources`; recording: of a stream that was kept
verdict        the record; judgement: credentials and marks against each other; findings: in words
reading        the marks; labelled: the visible label; marked: whether a file bears this maker's already
statements, coverage, history   what credentials state, what their hash leaves out, what it was made of
recovery, identification        what the registry knows of a file whose credentials are gone
"""
