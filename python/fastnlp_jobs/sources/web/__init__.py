"""The web, politely: what a crawl may ask of a site, how often, and what it may connect to."""
