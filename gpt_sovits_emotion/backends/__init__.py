"""Backends: what speaks, or provides loaded models. One per file, one protocol (`backends.base.Backend`)."""
