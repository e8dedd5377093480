"""Speech that recipes learn from and are judged on: toy sets, tracks of users' videos, measures of lips."""
