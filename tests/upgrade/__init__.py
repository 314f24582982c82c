"""The version before and this one beside each other, on the same servers, while people book."""
