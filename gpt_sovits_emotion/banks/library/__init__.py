"""A bank as it lies on the disk, its pins, and the choice of its clips."""
