"""How we know: metrics, intervals and verdicts."""
