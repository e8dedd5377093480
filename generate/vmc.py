"""Curves as the Virtual Motion Capture protocol (https://protocol.vmc.info), Open Sound Control over UDP, which Unity
(EVMC4U), Unreal (VRM4U), Blender (VMC4B), Godot, VSeeFace, VMagicMirror, Warudo and others read.

A frame is, in this order:

    /VMC/Ext/OK 1                                       somebody is there
    /VMC/Ext/T SECONDS                                  of the speech, when the frame begins
    /VMC/Ext/Bone/Pos Head|LeftEye|RightEye X Y Z QX QY QZ QW
    /VMC/Ext/Blend/Val NAME VALUE                       52 of them: EyeBlinkLeft ... TongueOut, each 0 to 1
    /VMC/Ext/Blend/Apply

Names are those of the table (`generate.curves.NAMES`), as models with ARKit's shapes ("perfect sync") have them.
Rotations are quaternions from rest, the eyes' relative to the head, in Unity's axes: x to the model's right, y up, z
where it faces, left-handed. They are our axes (picture's right, down, away from the camera) turned round all three,
which leaves a rotation matrix as it is. Positions are 0: whose head it is, is not known here; a receiver that sets
positions of bones, too, must be told to leave them.
"""

from collections.abc import Iterator

import numpy as np

from generate.curves import ANGLES, NAMES
from media.osc import bundles, message

LARGEST = 1400  # bytes of a datagram: no network on the way has to cut it up
SHAPES = NAMES[: -len(ANGLES)]
BONES = ("Head", "LeftEye", "RightEye")  # in the order of `ANGLES`


def datagrams(row: np.ndarray, seconds: float) -> list[bytes]:
    """A frame, (61,) in the order of `NAMES`, of the speech's second `seconds`: three datagrams of `LARGEST` bytes at
    most, to be sent in order."""
    return list(bundles(_messages(row, seconds), LARGEST))


def _messages(row: np.ndarray, seconds: float) -> Iterator[bytes]:
    yield message("/VMC/Ext/OK", 1)
    yield message("/VMC/Ext/T", float(seconds))
    for bone, angles in zip(BONES, row[len(SHAPES) :].reshape(len(BONES), 3), strict=True):
        yield message("/VMC/Ext/Bone/Pos", bone, 0.0, 0.0, 0.0, *map(float, quaternion(*angles)))
    for name, value in zip(SHAPES, row, strict=False):
        yield message("/VMC/Ext/Blend/Val", name, float(value))
    yield message("/VMC/Ext/Blend/Apply")


def quaternion(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """The turn of `faces.head.rotation_matrix` (radians) as (4,): x, y, z, w, of length 1, w >= 0."""
    (sy, sp, sr), (cy, cp, cr) = np.sin(np.array([-yaw, pitch, roll]) / 2), np.cos(np.array([yaw, pitch, roll]) / 2)
    turn = np.array(  # q_roll q_yaw q_pitch, about z, y and x
        [cr * cy * sp - sr * sy * cp, cr * sy * cp + sr * cy * sp, sr * cy * cp - cr * sy * sp,
         cr * cy * cp + sr * sy * sp]
    )  # fmt: skip
    return turn if turn[3] >= 0 else -turn
