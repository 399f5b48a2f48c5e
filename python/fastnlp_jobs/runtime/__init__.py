"""Runs a built Hera workflow on this machine: each container becomes a process."""
