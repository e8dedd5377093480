"""`make demo`: the shipped example speaks, is verified, and its frames are laid out on a contact sheet."""

import sys
from pathlib import Path

import typer

from media import VideoReader
from vasari.studio import contact_sheet

ROOT = Path(__file__).resolve().parents[1]
EVERY = 5  # frames between two tiles of the contact sheet
TILES = 24


def main(folder: Path = ROOT / "demo") -> int:
    """Generate, verify, and print where things are. Returns the exit code of the verification."""
    from provenance import Composite, Keys, Permit, save_picture, verify
    from vasari.commands.generate import generate

    folder.mkdir(exist_ok=True)
    portrait, speech, video = ROOT / "examples/portrait.png", ROOT / "examples/speech.wav", folder / "talking.mp4"
    keys = folder / "keys"
    generate(portrait, speech, video, keys=keys)
    frames = [f for i, f in enumerate(VideoReader(video)) if i % EVERY == 0][:TILES]
    permit = Permit.of(portrait, keys=Keys.open(keys))
    tiles = permit.perform(Composite, contact_sheet(frames), command="demo", title="contact sheet")
    sheet = save_picture(folder / "contact_sheet.jpg", tiles)
    verdict = verify(video, keys=Keys.open(keys))
    typer.echo(f"verdict:       {verdict.summary}")
    typer.echo(f"video:         {video}")
    typer.echo(f"contact sheet: {sheet.path}")
    return verdict.exit_code


if __name__ == "__main__":
    sys.exit(main())
