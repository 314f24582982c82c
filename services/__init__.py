"""The services: each knows `shared`, none knows another."""
