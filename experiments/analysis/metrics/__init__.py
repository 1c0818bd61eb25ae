"""One file a kind of metric: from the sums of an arm to its mean and the variance of one customer."""
