"""Pictures that recipes learn from: photographs, creatures, degraded ones, hosts for marks."""
