"""Every command of booking in any order on a real database, beside a plain model that shares no code with it."""
