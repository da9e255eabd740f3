package seek

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	prom "github.com/prometheus/prometheus/discovery"

	"trapline/internal/access"
	"trapline/internal/neighbours"
	"trapline/internal/setting"
	"trapline/internal/sweep"
)

// Neighbours looks for devices in the tables of those that are polled, beginning at some: each is asked once an hour for
// its neighbours, behind a poll. Addresses in the tables are asked as those of a scan; what answers is polled, and its
// tables are read next.
type Neighbours struct {
	Seeds       []string         `yaml:"seeds"`                        // targets to begin at
	By          []string         `yaml:"by,omitempty"`                 // tables of their neighbours: lldp, cdp, arp; default all
	Within      []string         `yaml:"within"`                       // networks, such as 10.0.0.0/8: nothing is sent to addresses of others
	Exclude     []string         `yaml:"exclude,omitempty"`            // networks and addresses of them that are sent nothing; addresses of targets are not either
	Depth       int              `yaml:"depth,omitempty"`              // how many devices away from a seed at most, from 1 to 64; default 6
	Auths       []string         `yaml:"auths"`                        // entries of auths, in the order in which they are tried
	Every       setting.Duration `yaml:"every,omitempty"`              // how often all addresses are asked again; new ones are asked at once; default 6h
	Rate        int              `yaml:"rate,omitempty"`               // packets a second; default 1000
	SubnetRate  int              `yaml:"subnet_rate,omitempty"`        // of them into one network of 24 bits (IPv6: 120); default 50
	MaxFailures int              `yaml:"max_failures,omitempty"`       // failed logins to a device in a day, and communities to a silent address; default 2
	Prefer      []string         `yaml:"preferred_networks,omitempty"` // of a device with several addresses, one of these is polled; else its loopback's, else the lowest
	Port        int              `yaml:"port,omitempty"`               // UDP port; default 161
	Timeout     setting.Duration `yaml:"timeout,omitempty"`            // of an answer; default 1s
	Retries     *int             `yaml:"retries,omitempty"`            // requests sent again without an answer, unless they would be failed logins; default 1
}

const (
	defaultDepth, maxDepth = 6, 64
	// NeighboursKind is the ID of the kind.
	NeighboursKind = "neighbours"
	// gathering is how long more readings are waited for after one.
	gathering = time.Second
	// silentSeeds is after which time seeds that have said nothing are reported.
	silentSeeds = 2 * time.Minute
)

var tables = []neighbours.Protocol{neighbours.LLDP, neighbours.CDP, neighbours.ARP}

// probes returns how addresses are asked.
func (s *Neighbours) probes() *Scan {
	return &Scan{
		Networks: s.Within, Exclude: s.Exclude, Auths: s.Auths, Every: s.Every, Rate: s.Rate, SubnetRate: s.SubnetRate, MaxFailures: s.MaxFailures,
		Prefer: s.Prefer, Port: s.Port, Timeout: s.Timeout, Retries: s.Retries,
	}
}

// Problems returns the errors in the settings.
func (s *Neighbours) Problems() []setting.Problem {
	var m setting.Problems
	if len(s.Seeds) == 0 {
		m.Add("seeds", "name at least one target to begin at, such as a core switch")
	}
	if len(s.Within) == 0 {
		m.Add("within", "name at least one network, such as 10.0.0.0/8: nothing is sent to addresses of others")
	}
	for i, name := range s.By {
		if !slices.Contains(tables, neighbours.Protocol(name)) {
			m.Add(fmt.Sprintf("by[%d]", i), "there is no table %q: write lldp, cdp or arp", name)
		}
	}
	if s.Depth < 0 || s.Depth > maxDepth {
		m.Add("depth", "write a number from 1 to %d", maxDepth)
	}
	problemsOfNetworks(&m, map[string][]string{"within": s.Within, "exclude": s.Exclude, "preferred_networks": s.Prefer})
	s.probes().problemsOfProbes(&m)
	return m
}

// DoubtsOfCommunities returns which networks would see communities, in clear, that are public. Auths are those of the
// configuration.
func (s *Neighbours) DoubtsOfCommunities(auths map[string]*access.Auth) []setting.Problem {
	var m setting.Problems
	name := firstCommunity(s.Auths, auths)
	for i, text := range s.Within {
		if n, err := sweep.ParseNetwork(text); err == nil && name != "" && isPublic(n) {
			m.Add(fmt.Sprintf("within[%d]", i), "%s is public, and the community of auth %s is sent in clear to each address of it that stands in a table: write networks that are yours, or users of SNMPv3", text, name)
		}
	}
	return m
}

// SetDirectory does nothing: there are no names of files.
func (*Neighbours) SetDirectory(string) {}

// Open returns what asks the addresses in the tables.
func (s *Neighbours) Open(o prom.DiscovererOptions) (prom.Discoverer, error) {
	return &explorer{settings: s, probes: scanner{settings: s.probes(), name: o.SetName, errors: o.Logger}, budget: budget{by: map[string]int{}}}, nil
}

// protocols returns the tables that are read.
func (s *Neighbours) protocols() (list []neighbours.Protocol) {
	for _, p := range tables {
		if len(s.By) == 0 || slices.Contains(s.By, string(p)) {
			list = append(list, p)
		}
	}
	return list
}

// Spread returns the way from the seeds, without the owners of addresses.
func (s *Neighbours) Spread() (*neighbours.Spread, error) {
	within, errWithin := sweep.ParseNetworks(s.Within)
	exclude, errExclude := sweep.ParseNetworks(s.Exclude)
	return &neighbours.Spread{Seeds: s.Seeds, By: s.protocols(), Within: within, Exclude: exclude, Depth: cmp.Or(s.Depth, defaultDepth)}, errors.Join(errWithin, errExclude)
}
