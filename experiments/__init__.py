"""Did it help? Assignment of customers to variants."""
