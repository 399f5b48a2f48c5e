"""Comments under videos: Douyin's comment JSON, out of HAR files, a browser, or page by page over HTTP."""
