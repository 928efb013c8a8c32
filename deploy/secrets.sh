#!/bin/sh
# Make what Compose and Kubernetes mount as secrets: `deploy/secrets.sh [FOLDER] [REDIS_HOST:PORT]`.
#
# Passwords are drawn once and kept; running it again changes nothing that is there. The account's two files are made
# empty: write your login and key into them. Then, for Kubernetes: see docs/deploy.md.
set -eu
here=$(dirname "$0")
folder=${1:-$here/secrets}
redis=${2:-redis:6379}
# Nobody else gets into the folder; inside a container the files must be readable to its own user, whoever that is.
umask 022
mkdir -p "$folder"
chmod 700 "$folder"

draw() {
    [ -s "$1" ] || head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$1"
}

for user in worker producer receiver viewer scaler admin; do
    draw "$folder/redis_$user"
    printf 'redis://%s:%s@%s/0' "$user" "$(cat "$folder/redis_$user")" "$redis" >"$folder/redis_url_$user"
done
printf scaler >"$folder/scaler_name"
draw "$folder/flower_password"
draw "$folder/grafana_password"
draw "$folder/status_token"
draw "$folder/inbound_token"
draw "$folder/number_keys"
for name in user_login api_key; do
    [ -e "$folder/$name" ] || : >"$folder/$name"
    [ -s "$folder/$name" ] || echo "write your Octopush $name into $folder/$name" >&2
done
