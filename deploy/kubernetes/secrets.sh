#!/bin/sh
# Print the two Secrets that the manifests mount, from the files of deploy/secrets.sh: `secrets.sh [FOLDER] [NAMESPACE]`.
# Pipe it to `kubectl apply -f -`, or to kubeseal; never into the repository.
set -eu
folder=${1:-$(dirname "$0")/../secrets}
namespace=${2:-octoworker}

secret() {
    name=$1
    shift
    for key in "$@"; do
        [ -s "$folder/$key" ] || {
            echo "$folder/$key is empty or missing" >&2
            exit 1
        }
        set -- "$@" "--from-file=$folder/$key"
        shift
    done
    kubectl create secret generic "$name" --namespace "$namespace" --dry-run=client --output yaml "$@"
    echo ---
}

secret octoworker-account user_login api_key
secret octoworker-inbound inbound_token number_keys
secret octoworker-redis redis_worker redis_producer redis_receiver redis_viewer redis_scaler redis_admin redis_url_worker redis_url_receiver redis_url_viewer redis_url_admin scaler_name
