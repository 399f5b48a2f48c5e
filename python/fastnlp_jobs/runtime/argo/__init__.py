"""Runs a workflow on an Argo server: a transport of our own, since Hera's leaves out what argo-server does."""
