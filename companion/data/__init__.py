"""Where examples come from: the shipped assets, the cache, and what is read out of them."""
