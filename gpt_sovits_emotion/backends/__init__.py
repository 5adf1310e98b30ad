"""Hosts: whoever lends weights and a voice. One host per file, one protocol (`hosts.base.Backend`)."""
