"""Who may ask the page for anything: one check for every route, and what becomes of uploads."""
