"""Forums: posts and threads, found by CSS selectors that the config gives."""
