"""What a customer will be worth: purchase-process models, lifetime value, and the warning before churn."""
