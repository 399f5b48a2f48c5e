"""A site on this machine's loopback that shows real reviews as comments of invented people, and misbehaves on request.

What is real and what simulated: `planted.py`; for readers: docs/demo_site.md. Nothing is imported here, so that the
command's help needs no aiohttp.
"""
