// Who is woken, and for what. The rules read the events of shared/telemetry.py; docs/runbook.md says what to do.
param location string
param tags object
param applicationInsights string
param mail string
param noSuccessHours int

var events = loadTextContent('../queries/events.kql')
var rules = [
  {
    name: 'run-needs-a-person'
    title: 'A run failed or waits for a person'
    severity: 1
    query: loadTextContent('../queries/run-needs-a-person.kql')
    by: 'run'
    every: 'PT5M'
    window: 'P2D' // the longest there is: who is held must still be in sight
    enabled: true
  }
  {
    name: 'poison'
    title: 'A message was given up on'
    severity: 1
    query: loadTextContent('../queries/poison.kql')
    by: 'queue'
    every: 'PT5M'
    window: 'PT15M'
    enabled: true
  }
  {
    name: 'drop-incomplete'
    title: 'A drop never became whole'
    severity: 2
    query: loadTextContent('../queries/drop-incomplete.kql')
    by: 'segment'
    every: 'PT15M'
    window: 'PT30M'
    enabled: true
  }
  {
    name: 'no-success'
    title: 'No run has succeeded for ${noSuccessHours} hours'
    severity: 2
    query: replace(loadTextContent('../queries/no-success.kql'), '26h', '${noSuccessHours}h')
    by: 'export'
    every: 'PT1H'
    window: 'P2D'
    enabled: noSuccessHours > 0
  }
]

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsights
}

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-courier'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'courier'
    emailReceivers: [
      {
        name: 'mail'
        emailAddress: mail
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: 'courier-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'Segment Courier: ${rule.title}'
      description: 'docs/runbook.md, "Alert ${rule.name}"'
      enabled: rule.enabled
      severity: rule.severity
      scopes: [insights.id]
      evaluationFrequency: rule.every
      windowSize: rule.window
      autoMitigate: true
      skipQueryValidation: true // a new workspace has no rows to validate against
      criteria: {
        allOf: [
          {
            query: '${events}${rule.query}'
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            dimensions: [{ name: rule.by, operator: 'Include', values: ['*'] }] // one mail for each, not one for all
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: [people.id] }
    }
  }
]
