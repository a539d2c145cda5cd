#!/bin/sh
# Connects Event Grid to the app, once, after the first deployment: only running code answers the handshake of the
# webhook. From then on the connection is part of every `azd provision`.
set -eu

if [ "${COURIER_DROP_EVENTS:-false}" = "true" ]; then
    exit 0
fi

azd env set DROP_EVENTS true
for attempt in 1 2 3; do
    curl --silent --output /dev/null --max-time 120 "$COURIER_URL/api/health" || true # wakes the app
    if azd provision --no-prompt; then
        exit 0
    fi
    echo "Event Grid could not reach the app (attempt $attempt of 3); trying again in a minute." >&2
    sleep 60
done
azd env set DROP_EVENTS false
echo "Drops are not yet noticed as they arrive. Run 'azd deploy' again; the schedule works meanwhile." >&2
exit 1
