"""Number plates: where they are, what stands on them, what colour they have."""
