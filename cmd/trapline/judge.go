package main

import (
	"log/slog"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/config"
	"trapline/internal/rules"
)

// newJudge makes what evaluates the rules. Their samples lie in the state directory beside all else.
func newJudge(c *config.Config, told *notifier, registry prometheus.Registerer, logger *slog.Logger) (*rules.Evaluator, error) {
	o := rules.Options{
		Ledger: rules.Ledger{State: told.state, Outbox: told.outbox, Unsent: told.unsent}, Deployment: c.Notifications.Deployment, Logger: logger, Registry: registry,
	}
	if c.StateDir != "" {
		o.Dir = filepath.Join(c.StateDir, "rules")
	}
	return rules.New(o)
}

// rules are what the configuration wants of them.
func (w *world) rules() rules.Configuration {
	return rules.Configuration{Set: w.config.Rules, Targets: w.targets, Settings: w.config.RuleSettings, Names: w.config.Names}
}
