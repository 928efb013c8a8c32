#!/bin/sh
# redis.conf with the passwords of its users, on standard output: `with-passwords.sh redis.conf FOLDER`.
#
# FOLDER/redis_NAME holds the password of user NAME. Only its SHA-256 goes into the configuration. A user without a file
# is switched off. The output belongs on a tmpfs, not on a disk.
#
# Redis 7.0, as Debian 12 has it, does not start with a right that it does not know: `client|setinfo` came with 7.2. The
# server that is asked for its version is $REDIS_SERVER, or redis-server.
set -eu
conf=$1
folder=$2
case $("${REDIS_SERVER:-redis-server}" --version 2>/dev/null || true) in
'Redis server v=7.0.'*) unknown=' +client|setinfo' ;;
*) unknown='' ;;
esac
while IFS= read -r line; do
    case $line in
    'user default '*)
        printf '%s\n' "$line"
        ;;
    'user '*)
        rest=${line#user }
        if [ -n "$unknown" ]; then
            rest=$(printf %s "$rest" | sed "s/$unknown//g")
        fi
        name=${rest%% *}
        if [ -s "$folder/redis_$name" ]; then
            # $(...) drops the newline that editors add at the end.
            hash=$(printf %s "$(cat "$folder/redis_$name")" | sha256sum | cut -d' ' -f1)
            printf 'user %s #%s %s\n' "$name" "$hash" "${rest#* }"
        else
            printf 'user %s off\n' "$name"
        fi
        ;;
    *)
        printf '%s\n' "$line"
        ;;
    esac
done <"$conf"
