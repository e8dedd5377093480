"""Is it made? Streams of evidence, one calibrated probability, and what the facts say beside it.

    Detector.load().detect(path)            probability, interval, segments in time, or why it cannot be told
    triage.join(verdict, detection)         credentials first, marks second, the detector last: one verdict
    evidence.Gatherer                       what each stream says, moment by moment: picture, frequency, motion, sound
    fusion.Fusion                           from the streams' scores to a probability and its operating points
    report                                  a page that shows both, and opens offline
    data, training                          labelled sets on disk, whoever made them, and what learns from them

It never imports `generate`.
"""
