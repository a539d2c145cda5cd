# Connects Event Grid to the app, once, after the first deployment: only running code answers the handshake of the
# webhook. From then on the connection is part of every `azd provision`.
$ErrorActionPreference = 'Stop'

if ($env:COURIER_DROP_EVENTS -eq 'true') {
    exit 0
}

azd env set DROP_EVENTS true
foreach ($attempt in 1..3) {
    try { Invoke-WebRequest -Uri "$env:COURIER_URL/api/health" -TimeoutSec 120 -SkipHttpErrorCheck | Out-Null } catch { } # wakes the app
    azd provision --no-prompt
    if ($LASTEXITCODE -eq 0) {
        exit 0
    }
    Write-Warning "Event Grid could not reach the app (attempt $attempt of 3); trying again in a minute."
    Start-Sleep -Seconds 60
}
azd env set DROP_EVENTS false
Write-Warning "Drops are not yet noticed as they arrive. Run 'azd deploy' again; the schedule works meanwhile."
exit 1
