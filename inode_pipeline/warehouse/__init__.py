"""SQL: the warehouse, its tables, landed pages and loads. No HTTP, no Dagster."""
