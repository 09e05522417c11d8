"""Working fakes, builders and fixtures, shipped to users."""
