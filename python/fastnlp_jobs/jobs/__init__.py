"""One module or folder per job; a job never imports another."""
