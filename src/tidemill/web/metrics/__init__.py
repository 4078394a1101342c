"""Figures of the installation for Prometheus."""
