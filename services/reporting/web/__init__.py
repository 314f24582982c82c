"""The dashboard: server-rendered; a script keeps the day's figures up to date, and nothing else needs one."""
