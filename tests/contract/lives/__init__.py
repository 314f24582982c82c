"""Whole lives over HTTP, often enough that every operation is answered well many times."""
