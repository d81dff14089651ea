"""HTTP: log in, walk an endpoint page by page, and prove that the walk is complete."""
