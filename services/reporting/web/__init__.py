"""The dashboard: server-rendered, without scripts."""
