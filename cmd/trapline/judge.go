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
		Ledger: told.kept.Load().ledger(), Deployment: c.Notifications.Deployment, Logger: logger, Registry: registry,
	}
	if c.StateDir != "" {
		o.Dir = samplesDir(c)
	}
	return rules.New(o)
}

func samplesDir(c *config.Config) string { return filepath.Join(c.StateDir, "rules") }

// ledger is where the alerts of rules are kept.
func (k *keeping) ledger() rules.Ledger {
	return rules.Ledger{State: k.state, Outbox: k.outbox, Unsent: k.unsent}
}

// rules are what the configuration wants of them.
func (w *world) rules() rules.Configuration {
	return rules.Configuration{Set: w.config.Rules, Targets: w.targets, Settings: w.config.RuleSettings, Names: w.config.Names}
}
