"""Invisible, inaudible, keyed marks: one 64-bit message in the pictures, 24 bits of it in the sound.

picture   `PictureMarker(message, key).mark(frame)`, `PictureReader(key)`: learned strength and reader, keyed chips
sound     `SoundMarker(message, key).mark(chunks)`, `SoundReader(key)`: keyed spread spectrum under speech
speed     finds at which speed marked sound is played, by the keyed pilot
code      keyed tag and convolutional code that both share
identity  how messages and keys are written down
training  the recipe of the learned parts, `vasari train watermark`
attacks   H.264, JPEG, scaling and retouching, for training and for measuring
"""
