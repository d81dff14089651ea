"""What people read from the tables: how complete they are, the checks, answers, the report."""
