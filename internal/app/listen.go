package app

import (
	"trapline/config"
	"trapline/internal/listen"
	"trapline/internal/originator"
	"trapline/internal/runtimeconfig"
)

// newListener returns the receiver of notifications, with the sockets of the first configuration.
func (d *daemon) newListener() (*listen.Listener, error) {
	l := listen.New(listen.Options{Logger: d.logger, Registry: d.registry, Note: d.notifier.note})
	return l, l.Open(&d.first.Config.Listen)
}

// listenTo has the notifications of a configuration received.
func (d *daemon) listenTo(w *runtimeconfig.Config) error {
	c := w.Config
	next := &listen.Configuration{Settings: c.Listen, Auths: c.Auths, Identity: d.notifier.identity(), Names: c.Names}
	for _, t := range w.Targets {
		next.Targets = append(next.Targets, listen.Target{Name: t.Name, Address: t.Spec.Address, Context: t.Spec.Context, Labels: t.Labels})
	}
	return d.listener.Configure(next)
}

// identity is our engine, nil without a state directory.
func (n *notifier) identity() *originator.Identity {
	if s := n.storage.Load(); s.state != nil {
		return s.state.Identity
	}
	return nil
}

// accept has the parts that may refuse a configuration take it.
func (d *daemon) accept(c *config.Config) error {
	if err := d.listener.Open(&c.Listen); err != nil {
		return err
	}
	return d.notifier.reload(c)
}
