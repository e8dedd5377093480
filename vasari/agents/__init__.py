"""A face for those who build voice assistants: `pip install 'vasari[agents]'`.

    face        speech in as it is synthesised; marked frames and marked sound out, 25 times a second
    pipecat     the same as a frame processor of Pipecat
    livekit     the same as a video generator of LiveKit Agents

Nothing is loaded before it is asked for.
"""
