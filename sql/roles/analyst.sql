-- The analyst: reads every table and view, those of later migrations included, and writes nothing.
-- Run this after owner.sql. It may be run again. For more people, create a login for each and grant it inode_analyst;
-- the settings at the end belong to a login, so repeat them for each.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'inode_analyst') THEN
    CREATE ROLE inode_analyst LOGIN;
  END IF;
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO inode_analyst', current_database());
END
$$;

GRANT USAGE ON SCHEMA inode TO inode_analyst;
GRANT SELECT ON ALL TABLES IN SCHEMA inode TO inode_analyst;
ALTER DEFAULT PRIVILEGES FOR ROLE inode_owner IN SCHEMA inode GRANT SELECT ON TABLES TO inode_analyst;

ALTER ROLE inode_analyst SET default_transaction_read_only = on;
ALTER ROLE inode_analyst SET search_path = inode;
-- Compiling costs seconds where little is known yet of a table, and saves none in these queries.
ALTER ROLE inode_analyst SET jit = off;
-- Nor can PostgreSQL know how many rows the calendar of a view has: with nested loops some views take minutes.
-- `SET enable_nestloop = on` before you look up a few bins of many links in link_bins.
ALTER ROLE inode_analyst SET enable_nestloop = off;
