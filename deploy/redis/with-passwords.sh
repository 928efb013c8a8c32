#!/bin/sh
# redis.conf with the passwords of its users, on standard output: `with-passwords.sh redis.conf FOLDER`.
#
# FOLDER/redis_NAME holds the password of user NAME. Only its SHA-256 goes into the configuration. A user without a file
# is switched off. The output belongs on a tmpfs, not on a disk.
set -eu
conf=$1
folder=$2
while IFS= read -r line; do
    case $line in
    'user default '*)
        printf '%s\n' "$line"
        ;;
    'user '*)
        rest=${line#user }
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
