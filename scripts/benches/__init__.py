"""What StoreEdge costs and how well it counts, measured on real footage. Run by `scripts/bench`."""
