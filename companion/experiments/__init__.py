"""What was asked: one module per question, and the trials that were recorded for it."""
