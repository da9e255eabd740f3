package app

import (
	"log/slog"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/config"
	"trapline/internal/rules"
)

// newEvaluator returns the evaluator of the rules. It stores its samples in the state directory.
func newEvaluator(c *config.Config, n *notifier, registry prometheus.Registerer, logger *slog.Logger) (*rules.Evaluator, error) {
	o := rules.Options{
		Alerts: n.storage.Load().ledger(), ShardOf: n.member.ShardOf(), Agreed: n.member.ConfigAgreed, Deployment: c.Notifications.Deployment, Logger: logger, Registry: registry,
		PausedSince: n.pausedSince,
	}
	if n.member != nil {
		o.Others = n.member.Samples
	}
	if c.StateDir != "" {
		o.Dir = samplesDir(c)
	}
	return rules.New(o)
}

func samplesDir(c *config.Config) string { return filepath.Join(c.StateDir, "rules") }

// ledger is where the alerts of rules are kept.
func (s *storage) ledger() rules.AlertStore {
	return rules.AlertStore{State: s.state, Outbox: s.outbox, Store: s.engine, Unsent: s.unsent}
}
