"""Appointments of an office into and out of files: for those who come from another system, or go to one."""
