"""The tracker: landmarks, pose, gaze, actions, finding, refusing, steadiness, speed."""
