"""How learning is reused: freezing, the cache at the boundary, the order, the loop."""
