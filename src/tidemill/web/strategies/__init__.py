"""Strategies people keep under names of their own."""
