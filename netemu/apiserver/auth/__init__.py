"""Who asks, and whether they may: certificates, tokens, roles, and the API's answers about them."""
