"""Constants that every floor shares. Each is defined here and nowhere else."""

FPS = 25  # frames a second of everything vasari makes and analyses
SAMPLE_RATE = 16_000  # samples a second of all sound inside the product, mono float32 in [-1, 1]
SAMPLES_PER_FRAME = SAMPLE_RATE // FPS  # 640 samples of sound lie under one frame
