package settings

import (
	"context"
	"net"
	"sync"
	"time"

	"trapline/internal/cluster/certificate"
	"trapline/internal/setting"
)

// Doubts returns what keeps this machine from being a member, or from reaching the voters, although the settings are those of a
// cluster: certificates that others refuse, names without an address.
func (s *Settings) Doubts(ctx context.Context, now time.Time) []setting.Problem {
	var p setting.Problems
	if s.TLS != nil {
		if c := s.TLS.Inspect(s.WithDefaults().Member, now); c.Problem != nil {
			p.Add("tls."+c.Key, "%v", c.Problem)
		}
	}
	if s.Etcd != nil {
		return append(p, setting.MissingFiles(s)...)
	}
	if named := s.WithDefaults(); s.Member == "" && !s.Voter() {
		var security setting.Problems
		named.checkSecurity(&security)
		p = append(p, security...)
	}
	for i, err := range resolved(ctx, s.Members) {
		if err != nil {
			p.Add("members", "%s has no address here: %v", s.Members[i], err)
		}
	}
	return p
}

// Inspect looks at the certificate of a member.
func (t *TLS) Inspect(member string, now time.Time) certificate.Found {
	return certificate.Inspect(certificate.Files{CA: t.CAFile, Certificate: t.CertFile, Key: t.KeyFile}, member, now)
}

// resolveWait bounds how long addresses are waited for.
const resolveWait = 2 * time.Second

// resolved looks up the addresses of hosts, and returns the errors.
func resolved(ctx context.Context, hosts []string) []error {
	ctx, cancel := context.WithTimeout(ctx, resolveWait)
	defer cancel()
	errs := make([]error, len(hosts))
	var looking sync.WaitGroup
	for i, host := range hosts {
		looking.Go(func() { _, errs[i] = net.DefaultResolver.LookupHost(ctx, host) })
	}
	looking.Wait()
	return errs
}
