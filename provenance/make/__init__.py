"""The only way to save: what is shown, said and marked becomes a file or a stream with credentials.

save        one picture or video, whole: `save_video`, `save_picture`
live        video that is sent while it is made; outlets, playlist, packets, uncoded: where it goes
session     signs a stream segment by segment as it goes: `Session`, and `Segmented`, which puts an outlet behind it
encoding    the stages that both go through: label, mark, encode
readback    what was written is read before it is signed
others      marks and credentials over what others made
signing     credentials over a file as it is: `sign_file`, `sign_beside`
papers      a maker's own reports, signed
"""
