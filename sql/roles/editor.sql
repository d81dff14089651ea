-- The editor: an analyst who also keeps the analysts' own tables (calendar, periods, corridors, studies, floors) and
-- adds baselines. It reads everything and can write nothing that a load writes. Run this after owner.sql and after
-- `inode-pipeline migrate`, whose tables it names. It may be run again. For more people, create a login for each and
-- grant it inode_editor; the settings at the end belong to a login, so repeat them for each.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'inode_editor') THEN
    CREATE ROLE inode_editor LOGIN;
  END IF;
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO inode_editor', current_database());
END
$$;

GRANT USAGE ON SCHEMA inode TO inode_editor;
GRANT SELECT ON ALL TABLES IN SCHEMA inode TO inode_editor;
ALTER DEFAULT PRIVILEGES FOR ROLE inode_owner IN SCHEMA inode GRANT SELECT ON TABLES TO inode_editor;

GRANT INSERT, UPDATE, DELETE ON
  inode.calendar, inode.time_periods, inode.corridors, inode.corridor_links, inode.studies, inode.study_exclusions,
  inode.index_rules
  TO inode_editor;
-- A baseline is added and never changed.
GRANT INSERT ON inode.link_baselines TO inode_editor;

ALTER ROLE inode_editor SET search_path = inode;
-- Compiling costs seconds where little is known yet of a table, and saves none in these queries.
ALTER ROLE inode_editor SET jit = off;
