"""What several sources, or one over time, show of a race: loaded only for a case that has several."""
