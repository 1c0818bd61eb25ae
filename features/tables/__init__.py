"""Shop exports in, validated Parquet out: mapping, contract, quarantine, lake and the SQL engine."""
