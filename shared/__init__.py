"""What the services share: contracts, messaging, storage, HTTP and observability; no business rules."""
