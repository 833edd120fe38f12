#!/usr/bin/env bash
# Runs once, on an empty data folder: a role and a schema per service, none of which sees another.
set -euo pipefail
for service in hierarchy provisioning routing notification; do
  variable="${service^^}_DB_PASSWORD"
  psql -v ON_ERROR_STOP=1 -v role="$service" -v password="${!variable}" --username postgres --dbname strowger << 'SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password';
ALTER ROLE :"role" SET search_path = :"role";
CREATE SCHEMA :"role" AUTHORIZATION :"role";
REVOKE ALL ON SCHEMA public FROM PUBLIC;
SQL
done
