"""The desk: pages in a browser for those who look at files and those who make them, served to one machine.

create_desk(Settings(...))   the FastAPI application; `vasari desk` runs it

settings    what it may be told when it starts
doors       who may ask: Host, Origin, tokens, rates; what every answer bears
looking     in a process of its own: a file's credentials, marks, what the detector says
jobs        one file after the other through that process, with a limit on time, memory and how many wait
sealing     records that this desk vouches for: links that expire, and what people say of an answer
inspector   the routes of the page that looks at files
studio      the routes of the page where a face speaks: asking (its words), keeping (portraits, films),
            session (one at a time)
"""

from vasari.desk.app import create_desk
from vasari.desk.settings import Settings

__all__ = ["Settings", "create_desk"]
