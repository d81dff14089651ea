-- The loader: the user of INODE_WAREHOUSE_URL in every run. It reads and writes rows and may make no table; it stages
-- rows in temporary tables, which needs TEMPORARY on the database. Run this after owner.sql. It may be run again.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'inode_loader') THEN
    CREATE ROLE inode_loader LOGIN;
  END IF;
  EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO inode_loader', current_database());
  -- ANALYZE after the first load. Before version 17 only the owner may; autovacuum does it then, minutes later.
  IF current_setting('server_version_num')::int >= 170000 THEN
    EXECUTE 'GRANT MAINTAIN ON ALL TABLES IN SCHEMA inode TO inode_loader';
    EXECUTE 'ALTER DEFAULT PRIVILEGES FOR ROLE inode_owner IN SCHEMA inode GRANT MAINTAIN ON TABLES TO inode_loader';
  END IF;
END
$$;

GRANT USAGE ON SCHEMA inode TO inode_loader;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA inode TO inode_loader;
ALTER DEFAULT PRIVILEGES FOR ROLE inode_owner IN SCHEMA inode
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO inode_loader;
