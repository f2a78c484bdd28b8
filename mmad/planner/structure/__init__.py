"""Structure that a pattern does not show: repeated blocks, narrow waists."""
