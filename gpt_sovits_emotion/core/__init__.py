"""What everything else stands on: errors, labels, records, files, progress."""
