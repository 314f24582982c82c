"""The real servers and the services as local processes: for `make up`, the demo, the tests and the bench."""
