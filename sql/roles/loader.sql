-- The loader: the user of INODE_WAREHOUSE_URL in every run. It reads and writes rows and may make no table; it stages
-- rows in temporary tables, which needs TEMPORARY on the database. Run this after owner.sql. It may be run again.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'inode_loader') THEN
    CREATE ROLE inode_loader LOGIN;
  END IF;
  EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO inode_loader', current_database());
END
$$;

GRANT USAGE ON SCHEMA inode TO inode_loader;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA inode TO inode_loader;
ALTER DEFAULT PRIVILEGES FOR ROLE inode_owner IN SCHEMA inode
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO inode_loader;
