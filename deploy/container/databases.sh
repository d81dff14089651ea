#!/bin/bash
# Run by the image of PostgreSQL when its volume is new: two databases, Dagster's and the warehouse, with their roles.
set -euo pipefail
export PGUSER=postgres
psql --set ON_ERROR_STOP=1 --set dagster="$DAGSTER_PG_PASSWORD" <<'SQL'
CREATE ROLE dagster LOGIN PASSWORD :'dagster';
CREATE DATABASE dagster OWNER dagster ENCODING 'UTF8' TEMPLATE template0;
CREATE DATABASE inode ENCODING 'UTF8' TEMPLATE template0;
SQL
psql --set ON_ERROR_STOP=1 --set owner="$OWNER_PASSWORD" --set loader="$LOADER_PASSWORD" --dbname inode \
  --file /roles/owner.sql --file /roles/loader.sql --file /roles/analyst.sql --file - <<'SQL'
ALTER ROLE inode_owner PASSWORD :'owner';
ALTER ROLE inode_loader PASSWORD :'loader';
SQL
