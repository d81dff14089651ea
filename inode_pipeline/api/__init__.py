"""HTTP: log in, walk an endpoint page by page, prove the walk complete. No pandas, no SQL, no idea of a link."""
