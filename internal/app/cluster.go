package app

import (
	"github.com/prometheus/common/version"

	"trapline/internal/member"
	"trapline/internal/runtimeconfig"
)

// openMember makes the process a member of the cluster, if there is one.
func (d *daemon) openMember() (err error) {
	if d.first.Config.Cluster == nil {
		return nil
	}
	settings := *d.first.Config.Cluster
	if d.options.Member != "" {
		settings.Member = d.options.Member
	}
	if d.member, err = member.Open(member.Options{
		Settings: &settings, StateDir: d.first.Config.StateDir, Version: version.Version, Logger: d.logger, Polls: d.poller,
		Running: func() *runtimeconfig.Config { return d.reloader.current.Load() },
		Apply:   func(done func() bool) { d.reloader.again(done, d.share) },
	}); err == nil {
		d.registry.MustRegister(d.member.Collector())
	}
	return err
}
