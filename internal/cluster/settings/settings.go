// Package settings has the key cluster of the configuration.
package settings

import (
	"math"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"trapline/internal/setting"
)

// Settings are the key cluster of the configuration. The same file is for all members.
type Settings struct {
	Members   []string         `yaml:"members,omitempty"`    // the 3 or 5 that vote, by host name or address; others join without being listed
	TLS       *TLS             `yaml:"tls,omitempty"`        // certificates of the members; without it they must be on this machine, unless insecure is true
	Name      string           `yaml:"name,omitempty"`       // of the cluster, the same for all members; default trapline
	Member    string           `yaml:"member,omitempty"`     // name of this member, as in members if it votes; default the host name
	Lease     setting.Duration `yaml:"lease,omitempty"`      // how long a silent member keeps its targets: 2s to 1m, default 5s; the same for all members
	Zone      string           `yaml:"zone,omitempty"`       // this member polls targets of this zone only; without it, those without a zone
	ZoneLabel string           `yaml:"zone_label,omitempty"` // label of targets whose value is the zone of those without the key zone; the same for all members
	Weight    *float64         `yaml:"weight,omitempty"`     // its share of the work: 0 to 1000, default 1; 0 for a member that only votes
	Ports     Ports            `yaml:"ports,omitempty"`      // TCP ports of all members
	Etcd      *Etcd            `yaml:"etcd,omitempty"`       // an etcd of your own, in the place of members and the embedded one
	Insecure  bool             `yaml:"insecure,omitempty"`   // without TLS members on other machines are allowed: whoever reaches their ports may read and change all alarms
}

// TLS are the files of mutual TLS, for all ports of a member.
type TLS struct {
	CAFile   string `yaml:"ca_file"`   // certificate of the authority of all members
	CertFile string `yaml:"cert_file"` // certificate of this member, as server and as client
	KeyFile  string `yaml:"key_file"`  // its key
}

// Ports are the TCP ports of a member.
type Ports struct {
	Engine  int `yaml:"engine,omitempty"`  // of voters, for all members; default 2379
	Peers   int `yaml:"peers,omitempty"`   // of voters, for voters; default 2380
	Members int `yaml:"members,omitempty"` // of each member, for all others; default 9117
}

// Etcd is an etcd cluster that somebody runs.
type Etcd struct {
	Endpoints    []string `yaml:"endpoints"`               // URLs of its servers, such as https://etcd-1:2379
	TLS          *EtcdTLS `yaml:"tls,omitempty"`           // to reach it; default those of the members
	Username     string   `yaml:"username,omitempty"`      // of an etcd with authentication
	PasswordFile string   `yaml:"password_file,omitempty"` // file with its password
}

// EtcdTLS are the files to reach an etcd cluster that somebody runs.
type EtcdTLS struct {
	CAFile   string `yaml:"ca_file"`             // certificate of the authority of its servers
	CertFile string `yaml:"cert_file,omitempty"` // certificate of this client, if it requires one
	KeyFile  string `yaml:"key_file,omitempty"`  // its key
}

// DefaultName is the name of a cluster that has no other.
const DefaultName = "trapline"

const (
	defaultLease = 5 * time.Second
	minLease     = 2 * time.Second
	maxLease     = time.Minute
	maxWeight    = 1000
	maxVoters    = 9
)

var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]*$`)

// maxName is the length of a DNS name.
const maxName = 253

// Plain reports whether a name may be that of a cluster or a member.
func Plain(name string) bool { return len(name) <= maxName && plainName.MatchString(name) }

// WithDefaults returns the settings with their defaults.
func (s Settings) WithDefaults() Settings {
	if s.Name == "" {
		s.Name = DefaultName
	}
	if s.Member == "" {
		s.Member, _ = os.Hostname()
	}
	if s.Lease.Duration == 0 {
		s.Lease.Duration = defaultLease
	}
	if s.Weight == nil {
		one := 1.0
		s.Weight = &one
	}
	for _, p := range []struct {
		port *int
		is   int
	}{{&s.Ports.Engine, 2379}, {&s.Ports.Peers, 2380}, {&s.Ports.Members, 9117}} {
		if *p.port == 0 {
			*p.port = p.is
		}
	}
	return s
}

// SetDirectory makes the names of files relative to a directory, that of the file with the settings. s may be nil.
func (s *Settings) SetDirectory(dir string) {
	if s == nil {
		return
	}
	var names []*string
	if s.TLS != nil {
		names = append(names, &s.TLS.CAFile, &s.TLS.CertFile, &s.TLS.KeyFile)
	}
	if s.Etcd != nil {
		names = append(names, &s.Etcd.PasswordFile)
		if t := s.Etcd.TLS; t != nil {
			names = append(names, &t.CAFile, &t.CertFile, &t.KeyFile)
		}
	}
	for _, name := range names {
		if *name != "" && !filepath.IsAbs(*name) {
			*name = filepath.Join(dir, *name)
		}
	}
}

// Voter reports whether this member runs a server of the engine.
func (s *Settings) Voter() bool {
	return s.Etcd == nil && slices.Contains(s.Members, s.WithDefaults().Member)
}

// Problems reports settings that no cluster can have.
func (s *Settings) Problems() []setting.Problem {
	var p setting.Problems
	s.checkMembers(&p)
	if !Plain(s.WithDefaults().Name) {
		p.Add("name", "%q is not a name of a cluster: write letters, digits, dots and dashes", s.Name)
	}
	if member := s.WithDefaults().Member; !Plain(member) {
		p.Add("member", "%q is not a name of a member: write letters, digits, dots and dashes", member)
	}
	if d := s.Lease.Duration; d != 0 && (d < minLease || d > maxLease) {
		p.Add("lease", "%v is not a lease: write %v to %v", s.Lease.Duration, minLease, maxLease)
	}
	if strings.ContainsAny(s.Zone, "/") || len(s.Zone) > 64 {
		p.Add("zone", "%q is not a zone: write at most 64 characters without a slash", s.Zone)
	}
	if w := s.Weight; w != nil && (math.IsNaN(*w) || *w < 0 || *w > maxWeight) {
		p.Add("weight", "%v is not a weight: write 0 to %d", *w, maxWeight)
	}
	for _, port := range []struct {
		key string
		is  int
	}{{"ports.engine", s.Ports.Engine}, {"ports.peers", s.Ports.Peers}, {"ports.members", s.Ports.Members}} {
		if port.is < 0 || port.is > 65535 {
			p.Add(port.key, "%d is not a port: write 1 to 65535", port.is)
		}
	}
	if d := s.WithDefaults().Ports; d.Engine == d.Peers || d.Engine == d.Members || d.Peers == d.Members {
		p.Add("ports", "engine %d, peers %d and members %d are not three ports: write different numbers", d.Engine, d.Peers, d.Members)
	}
	return p
}

// checkMembers adds problems of the voters, and of how members reach each other.
func (s *Settings) checkMembers(p *setting.Problems) {
	switch n := len(s.Members); {
	case s.Etcd != nil:
		if n > 0 {
			p.Add("members", "the servers of etcd vote, and members are not listed: leave members out, or etcd")
		}
	case n < 3 || n > maxVoters:
		p.Add("members", "write the names of 3 or 5 hosts, which vote; others join without being listed. Two that poll need a third on any small machine, with weight: 0 there")
	case n%2 == 0:
		p.Add("members", "write 3 or 5 names, not %d, which survive no more failures than %d do; others join without being listed", n, n-1)
	}
	for i, m := range s.Members {
		if !Plain(m) || strings.Contains(m, ":") && net.ParseIP(m) == nil {
			p.Add("members", "%q is not a host: write its name or address without a port, which is a key of ports", m)
		}
		if slices.Contains(s.Members[:i], m) {
			p.Add("members", "%s is listed twice", m)
		}
	}
	s.checkSecurity(p)
}

// checkSecurity adds problems of connections that others may read or use.
func (s *Settings) checkSecurity(p *setting.Problems) {
	hosts := s.Members
	if s.Etcd != nil {
		hosts = []string{s.WithDefaults().Member}
		s.Etcd.check(p, s.Insecure)
	} else if s.Member != "" && !s.Voter() { // it listens too
		hosts = append(slices.Clone(hosts), s.Member)
	}
	if i := slices.IndexFunc(hosts, func(m string) bool { return !loopback(m) }); i >= 0 && s.TLS == nil && !s.Insecure {
		p.Add("tls", "%s may be reached from other machines, and whoever reaches the ports of a member without TLS may change all alarms: write tls with ca_file, cert_file and key_file, or insecure: true", hosts[i])
	}
	if t := s.TLS; t != nil {
		for _, file := range []struct{ key, name string }{{"ca_file", t.CAFile}, {"cert_file", t.CertFile}, {"key_file", t.KeyFile}} {
			if file.name == "" {
				p.Add("tls."+file.key, "%s is required: members identify each other by certificates of one authority", file.key)
			}
		}
	}
}

// check adds problems of the section etcd.
func (e *Etcd) check(p *setting.Problems, insecure bool) {
	if len(e.Endpoints) == 0 {
		p.Add("etcd.endpoints", "write the URLs of the servers of etcd, such as [https://etcd-1:2379]")
	}
	for _, endpoint := range e.Endpoints {
		switch u, err := url.Parse(endpoint); {
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			p.Add("etcd.endpoints", "%q is not the URL of a server: write for example https://etcd-1:2379", endpoint)
		case u.Scheme == "http" && !insecure && !loopback(u.Hostname()):
			p.Add("etcd.endpoints", "%s is another machine, and others may read and change what is sent to it: write https://, or insecure: true", endpoint)
		}
	}
	if (e.Username == "") != (e.PasswordFile == "") {
		p.Add("etcd", "username and password_file are written together")
	}
	if t := e.TLS; t != nil && t.CAFile == "" {
		p.Add("etcd.tls.ca_file", "ca_file is required: it has the certificate of the authority of etcd's servers")
	}
	if t := e.TLS; t != nil && (t.CertFile == "") != (t.KeyFile == "") {
		p.Add("etcd.tls", "cert_file and key_file are written together")
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
