"""Who may be shown, and what may be claimed of it.

gate        `Permit`, on what grounds; `Performance`, the only thing that can be saved
subjects    who is shown and why they may be; grounds: what that stands on, checked; nobody: who does not exist
cut         a piece of what a camera took, cut by the gate itself
claims      what the credentials of an output say
likeness    whether the faces in it are those of the permit; onlooker: what tracks and recognises them
"""
