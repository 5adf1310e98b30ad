"""What this package knows of GPT-SoVITS itself: its files, its model classes, how it speaks.

Its own names (folders, globals, classes, options) appear here and in the hosts that use these modules,
and nowhere else in the package.
"""
