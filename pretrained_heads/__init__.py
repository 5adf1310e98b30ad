"""Trained heads that come with the package: one folder each, data and no code."""
