"""`mmad.sharded`: sums over shards of data, evaluated and differentiated by the workers of an executor."""
