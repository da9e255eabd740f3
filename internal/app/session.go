package app

import (
	"context"
	"log/slog"

	"trapline/collector"
	"trapline/internal/client"
	"trapline/internal/netsnmp"
	"trapline/internal/poller"
	"trapline/internal/snmp"
)

// tracedSession logs the requests and variable bindings of another session.
type tracedSession struct {
	target *client.Target
	logger *slog.Logger
}

// Shares is that of the target.
func (s *tracedSession) Shares(p *client.Plan) (client.Share, bool) { return s.target.Shares(p) }

func (s *tracedSession) Poll(ctx context.Context, p *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	s.logger.Debug("asking", "get", p.Get, "walk", p.Walk)
	stats, err := s.target.Poll(ctx, p, func(v snmp.VarBind) {
		s.logger.Debug("varbind", "oid", v.Name, "type", v.Type, "value", netsnmp.ValueText(v))
		yield(v)
	})
	s.logger.Debug("asked", "packets", stats.Packets, "retries", stats.Retries, "varbinds", stats.VarBinds, "err", err)
	return stats, err
}

func opener(e *client.Client, debug bool, logger *slog.Logger) poller.Open {
	return func(s client.Spec) (collector.Session, error) {
		t, err := e.Target(s)
		if err != nil || !debug {
			return t, err
		}
		return &tracedSession{t, logger.With("target", s.Address)}, nil
	}
}
