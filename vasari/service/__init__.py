"""The registry as a web service: the C2PA Soft Binding Resolution API.

    create_app(Settings(...))   the FastAPI application; `vasari serve` runs it

Who finds a clip without credentials reads its mark, or sends the clip, and is told which manifest belongs to it.
Reading is open and limited in rate; writing needs a token. The service opens no path and no address that a client
names.
"""

from vasari.service.app import create_app
from vasari.service.settings import Settings

__all__ = ["Settings", "create_app"]
