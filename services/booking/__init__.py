"""Booking: free times, holds, confirmations, moves and cancellations; no desk-minute is ever booked twice."""
