"""What people read from the tables: how complete they are, answers to questions, the report."""
