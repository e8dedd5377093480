"""What is laid into pictures and sound. Watermarks are invisible, inaudible and keyed: one 64-bit message in the
pictures, 24 bits of it in the sound.

picture      `PictureMarker(message, key).mark(frame)`, `PictureReader(key)`: learned strength and reader, keyed chips
sound        `SoundMarker(message, key).mark(chunks)`, `SoundReader(key)`: keyed spread spectrum under speech
speed        finds at which speed marked sound is played, by the keyed pilot
code         keyed tag and convolutional code that both share
chips, nets  where coded bits lie, and the networks at work
alignment    finds the grid in pictures that were cut, turned, mirrored; geometry: the maps it uses
wide         the sound mark in sound of any rate and channels
identity     how messages and keys are written down
label        the visible label; notice: the spoken one
fingerprint  a perceptual hash, for what lost its marks
"""
