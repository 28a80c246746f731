"""The static tier: what tables say of a stack before anything runs."""
