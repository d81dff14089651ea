"""What people read from the tables: how complete they are, whether promises are kept, answers, the report."""
