"""Everything that reads the tables for people: status, checks, queries, the report."""
