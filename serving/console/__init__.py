"""The console: pages a marketer opens in a browser. They show stored reports and compute nothing."""
