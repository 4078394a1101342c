"""What an earlier process left behind, and the recorded tape fed again to a fresh core."""
