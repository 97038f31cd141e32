"""What was learned before: backbones as ordered blocks, and the heads put on them."""
