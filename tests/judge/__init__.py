"""Models in the loop, as the bot sees them."""
