-- The owner of the schema: runs `inode-pipeline migrate`, and nothing else. Run this first, as a superuser or as a role
-- that may create roles and schemas, in the warehouse's database, before the first migration. It may be run again.
-- Another schema than inode (INODE_WAREHOUSE_SCHEMA): replace the name in all three files.
-- The roles have no password yet: set one with \password inode_owner in psql.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'inode_owner') THEN
    CREATE ROLE inode_owner LOGIN;
  END IF;
END
$$;

CREATE SCHEMA IF NOT EXISTS inode AUTHORIZATION inode_owner;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
