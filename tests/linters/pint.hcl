# What pint demands of the rules in deploy/prometheus beside its own checks. Nothing of pint is switched off here; where it runs with
# --offline it leaves out what it would ask a Prometheus, which tests/independent/pint.rs has it do.

rule {
  match {
    kind = "alerting"
  }

  label "severity" {
    severity = "bug"
    comment  = "Routes know these three: page, ticket, digest."
    value    = "critical|warning|info"
    required = true
  }

  annotation "summary" {
    severity = "bug"
    comment  = "A summary is one sentence that is the same for every series, so that notifications can be grouped by it."
    value    = "(ses-exporter|[A-Z])[^{}]+\\."
    required = true
  }

  annotation "description" {
    severity = "bug"
    required = true
  }

  annotation "runbook_url" {
    severity = "bug"
    comment  = "Every alert has a runbook of its own name."
    value    = "https://github.com/ses-exporter/ses-exporter/blob/main/deploy/prometheus/runbooks/{{ $alert }}.md"
    required = true
  }

  annotation "dashboard_url" {
    severity = "bug"
    comment  = "A path below Grafana, whose address only the operator knows."
    value    = "/d/ses-exporter-.+"
    required = true
  }

  for {
    severity = "bug"
    comment  = "One evaluation is not enough to raise an alert."
    min      = "1m"
    max      = "1h"
  }
}

rule {
  match {
    kind = "alerting"
  }

  keep_firing_for {
    severity = "bug"
    comment  = "A gap in the series must neither resolve a page nor send it twice."
    min      = "5m"
    max      = "1h"
  }
}

# The state of SES is the same whoever reads it: a second agent, or a restarted one, must not make a second series.
rule {
  match {
    kind = "recording"
  }

  aggregate ".+" {
    severity = "bug"
    keep     = ["account", "aws_region", "job"]
    strip    = ["instance", "pod"]
  }
}
