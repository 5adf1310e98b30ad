"""Tests against a real GPT-SoVITS checkout, and the tool that fills one with random weights."""
