"""What a strategy is written with: declared parameters, indicators, memory and one step."""
