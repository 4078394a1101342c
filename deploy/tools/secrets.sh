#!/bin/sh
# Makes the secrets that compose.yaml asks for, once; those that are there stay.
set -eu
cd "$(dirname "$0")/.."
mkdir -p secrets
chmod 700 secrets
make_one() {
    [ -s "secrets/$1" ] || od -An -tx1 -N24 /dev/urandom | tr -d ' \n' >"secrets/$1"
    chmod 444 "secrets/$1" # read inside containers by users of other numbers; the folder is shut
}
make_one scrape_token
make_one postgres_password
make_one grafana_password
if [ ! -s secrets/database_url ]; then
    printf 'postgresql://tidemill:%s@postgres:5432/tidemill' "$(cat secrets/postgres_password)" >secrets/database_url
    chmod 444 secrets/database_url
fi
