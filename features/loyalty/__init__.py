"""Pure rules of the loyalty programme: membership tiers and offers."""
