"""The tab's first page: a recording is heard, corrected, said again and saved."""
