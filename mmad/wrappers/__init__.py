"""Values by level: dual numbers, power series, batches."""
