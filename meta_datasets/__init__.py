"""Where the tables for the knowledge base and the benchmarks come from; the tables themselves stay outside."""
