"""What people read from the tables: how complete they are, and later queries and the report. Nothing here writes."""
