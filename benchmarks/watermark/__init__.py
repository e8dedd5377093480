"""The marks: how well they are read after what happens to files, how seldom where there are none, how well hidden."""
