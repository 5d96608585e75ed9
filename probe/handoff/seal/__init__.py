"""The producer's side: synced, verified, shared, published, and sealed."""
