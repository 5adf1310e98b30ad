"""The synthetic speakers of the demo: how they act, and how their acting was found."""
