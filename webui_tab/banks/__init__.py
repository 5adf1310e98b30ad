"""The tab's page of voices: build a reference bank, see what it holds, choose from it."""
