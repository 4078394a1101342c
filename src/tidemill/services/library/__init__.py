"""Strategies people keep: presets of shipped ones, and conditions of their own."""
