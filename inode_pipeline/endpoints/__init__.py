"""What the records mean: which field is which column, in which unit. Plain data; no HTTP, no pandas, no SQL."""
