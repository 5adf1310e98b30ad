"""The page on which heads are trained and fitted to one speaker."""
