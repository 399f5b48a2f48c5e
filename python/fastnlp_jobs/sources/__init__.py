"""Where comments come from: files now, one module per kind of source."""
