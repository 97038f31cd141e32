"""The exercises, a lesson at a time: what each asks, and what its wrong answers are told."""
