// Package seek has the lists of targets that look for devices: in networks, and in the tables of devices that are polled.
package seek

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	prom "github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/targetgroup"

	"trapline/internal/access"
	"trapline/internal/human"
	"trapline/internal/poller"
	"trapline/internal/scan"
	"trapline/internal/setting"
	"trapline/internal/sweep"
)

// Scan looks for devices in networks. Engine discovery, which carries no secret, is sent to all addresses first, then
// users of SNMPv3 to those that answer, then communities to those that are silent, or that take no user.
type Scan struct {
	Networks    []string         `yaml:"networks"`                     // networks such as 10.0.0.0/16, and addresses; 1,000,000 addresses at most
	Exclude     []string         `yaml:"exclude,omitempty"`            // networks and addresses of them that are sent nothing; addresses of targets are not either
	Auths       []string         `yaml:"auths"`                        // entries of auths, in the order in which they are tried
	Every       setting.Duration `yaml:"every,omitempty"`              // from the end of one sweep to the next; default 6h
	Rate        int              `yaml:"rate,omitempty"`               // packets a second; default 1000
	SubnetRate  int              `yaml:"subnet_rate,omitempty"`        // of them into one network of 24 bits (IPv6: 120); default 50
	AliveOnly   bool             `yaml:"alive_only,omitempty"`         // communities are sent only to devices that answer engine discovery, and to addresses that a target has by ARP
	MaxFailures int              `yaml:"max_failures,omitempty"`       // failed logins to a device in a day, and communities to a silent address, which is sent them once a day; default 2
	Prefer      []string         `yaml:"preferred_networks,omitempty"` // of a device with several addresses, one of these is polled; else its loopback's, else the lowest
	Port        int              `yaml:"port,omitempty"`               // UDP port; default 161
	Timeout     setting.Duration `yaml:"timeout,omitempty"`            // of an answer; default 1s
	Retries     *int             `yaml:"retries,omitempty"`            // requests sent again without an answer, unless they would be failed logins; default 1
}

const (
	defaultEvery = 6 * time.Hour
	scanPatience = time.Minute // after an error
	maxScanRate  = 100_000
	maxRetries   = 10
	largeNetwork = 1 << 16 // addresses beyond which communities are doubtful
)

// Problems returns the errors in the settings.
func (s *Scan) Problems() []setting.Problem {
	var m setting.Problems
	if len(s.Networks) == 0 {
		m.Add("networks", "name at least one network, such as 10.0.0.0/24")
	}
	problemsOfNetworks(&m, map[string][]string{"networks": s.Networks, "exclude": s.Exclude, "preferred_networks": s.Prefer})
	if len(s.Networks) > 0 && len(m) == 0 {
		if _, err := s.addresses(); err != nil {
			m.Add("networks", "%v", err)
		}
	}
	s.problemsOfProbes(&m)
	return m
}

// problemsOfNetworks reports texts that are no networks, by the key that they stand below.
func problemsOfNetworks(m *setting.Problems, lists map[string][]string) {
	for key, list := range lists {
		for i, text := range list {
			if _, err := sweep.ParseNetwork(text); err != nil {
				m.Add(fmt.Sprintf("%s[%d]", key, i), "%v", err)
			}
		}
	}
}

// problemsOfProbes reports errors in how addresses are asked.
func (s *Scan) problemsOfProbes(m *setting.Problems) {
	if len(s.Auths) == 0 {
		m.Add("auths", "name at least one entry of auths: devices are asked with these")
	}
	for key, n := range map[string]struct{ value, most int }{
		"rate": {s.Rate, maxScanRate}, "subnet_rate": {s.SubnetRate, maxScanRate}, "port": {s.Port, 65535}, "max_failures": {s.MaxFailures, 100},
	} {
		if n.value < 0 || n.value > n.most {
			m.Add(key, "write a number from 1 to %d", n.most)
		}
	}
	if s.Retries != nil && (*s.Retries < 0 || *s.Retries > maxRetries) {
		m.Add("retries", "write a number from 0 to %d", maxRetries)
	}
}

func (s *Scan) addresses() (*sweep.Range, error) {
	networks, errNetworks := sweep.ParseNetworks(s.Networks)
	exclude, errExclude := sweep.ParseNetworks(s.Exclude)
	if err := errors.Join(errNetworks, errExclude); err != nil {
		return nil, err
	}
	return sweep.NewRange(networks, exclude)
}

// DoubtsOfCommunities returns which networks would see communities, in clear, that are very large or public. Auths are
// those of the configuration.
func (s *Scan) DoubtsOfCommunities(auths map[string]*access.Auth) (list []setting.Problem) {
	name := firstCommunity(s.Auths, auths)
	if name == "" || s.AliveOnly {
		return nil
	}
	var m setting.Problems
	for at, text := range s.Networks {
		n, err := sweep.ParseNetwork(text)
		if err != nil {
			continue
		}
		key := fmt.Sprintf("networks[%d]", at)
		switch width := n.Addr().BitLen() - n.Bits(); {
		case isPublic(n):
			m.Add(key, "%s is public, and the community of auth %s is sent there in clear: scan it with users of SNMPv3, or write alive_only: true", text, name)
		case 1<<width > largeNetwork:
			m.Add(key, "%s has more than %s addresses, and the community of auth %s is sent to each in clear: write alive_only: true, or smaller networks", text, human.Grouped(largeNetwork), name)
		}
	}
	return m
}

// firstCommunity returns the first of some auths that is not of SNMPv3, "" if none is.
func firstCommunity(names []string, auths map[string]*access.Auth) string {
	i := slices.IndexFunc(names, func(name string) bool { return auths[name] != nil && auths[name].Version != 3 })
	if i < 0 {
		return ""
	}
	return names[i]
}

// isPublic reports whether a network is one of the Internet.
func isPublic(n netip.Prefix) bool {
	return !n.Addr().IsPrivate() && !n.Addr().IsLoopback() && !n.Addr().IsLinkLocalUnicast()
}

// SetDirectory does nothing: there are no names of files.
func (*Scan) SetDirectory(string) {}

// Open returns what sweeps the networks.
func (s *Scan) Open(o prom.DiscovererOptions) (prom.Discoverer, error) {
	return &scanner{settings: s, name: o.SetName, errors: o.Logger}, nil
}

// scanner sweeps the networks again and again.
type scanner struct {
	settings *Scan
	name     string
	amid     func() Surroundings
	errors   *slog.Logger // which the list reports
}

// DependOn sets what the scan depends on.
func (s *scanner) DependOn(amid func() Surroundings) { s.amid = amid }

// Run sends the devices of the last whole sweep, then those of each.
func (s *scanner) Run(ctx context.Context, up chan<- []*targetgroup.Group) {
	began := time.Now()
	for wait := s.first(ctx, up); ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		if !s.awaitTargets(ctx, began.Add(targetPatience)) {
			return
		}
		wait = cmp.Or(s.settings.Every.Duration, defaultEvery)
		devices, err := s.sweep(ctx)
		if err != nil {
			wait = min(wait, scanPatience)
			if ctx.Err() == nil {
				s.errors.Error("a scan failed", "err", err)
			}
			continue
		}
		s.send(ctx, up, devices)
	}
}

// targetPatience is how long after its start a scan waits for targets to say which addresses they have, as these are sent
// nothing: a target that is silent does not say that.
const targetPatience = 90 * time.Second

// awaitTargets waits until all targets have said which addresses they have, or for long enough.
func (s *scanner) awaitTargets(ctx context.Context, end time.Time) bool {
	for {
		c := s.amid()
		changed := c.Near.Changed()
		if c = s.amid(); !c.Unread || !time.Now().Before(end) {
			return ctx.Err() == nil
		}
		select {
		case <-ctx.Done():
			return false
		case <-changed:
		case <-time.After(time.Until(end)):
		}
	}
}

// first sends the devices that are known, and returns when to sweep.
func (s *scanner) first(ctx context.Context, up chan<- []*targetgroup.Group) time.Duration {
	run, err := s.scan()
	if err != nil {
		return 0 // which the sweep reports
	}
	defer run.Close()
	ended := run.Ended()
	if ended.IsZero() {
		return 0
	}
	s.send(ctx, up, run.Devices())
	if run.Interrupted() || run.Changed() {
		return 0
	}
	every := cmp.Or(s.settings.Every.Duration, defaultEvery)
	return min(max(0, time.Until(ended.Add(every))), every) // the clock may have been ahead when it ended
}

func (s *scanner) sweep(ctx context.Context) ([]scan.Device, error) {
	run, err := s.scan()
	if err != nil {
		return nil, err
	}
	defer run.Close()
	start, logger := time.Now(), s.amid().Logger
	if err := run.Run(ctx); err != nil {
		return nil, err
	}
	logger.Info("networks were scanned", "devices", len(run.Devices()), "new", run.Progress().New, "left_alone", run.LeftAlone(), "took", time.Since(start).Round(time.Second))
	return swept(run, logger), nil
}

// swept returns the devices after a sweep, and logs which are doubtful.
func swept(run *scan.Scan, logger *slog.Logger) []scan.Device {
	for _, d := range run.Doubts() {
		logger.Warn("devices share what should be unique", "text", d.String())
	}
	return run.Devices()
}

// scan opens the scan with the auths and the targets of the moment.
func (s *scanner) scan() (*scan.Scan, error) {
	c := s.amid()
	r, err := s.settings.addresses()
	if err != nil {
		return nil, err
	}
	o, err := s.options(&c)
	if err != nil {
		return nil, err
	}
	o.Range = r
	if c.StateDir != "" {
		o.File = filepath.Join(c.StateDir, "scan", s.name+".jsonl")
		o.Others = journals(c.StateDir)
	}
	return scan.Open(o)
}

// journals returns the patterns of the files of all scans.
func journals(dir string) []string {
	return []string{filepath.Join(dir, "scan", "*.jsonl"), filepath.Join(dir, NeighboursKind, "*.jsonl")}
}

// options returns how addresses are asked.
func (s *scanner) options(c *Surroundings) (scan.Options, error) {
	prefer, err := sweep.ParseNetworks(s.settings.Prefer)
	if err != nil {
		return scan.Options{}, err
	}
	of := fmt.Sprint(s.settings.Networks, s.settings.Exclude)
	if s.settings.Port != 0 {
		of += fmt.Sprint(" port ", s.settings.Port)
	}
	o := scan.Options{
		Of: of, Rate: s.settings.Rate, SubnetRate: s.settings.SubnetRate,
		AliveOnly: s.settings.AliveOnly, Alive: c.Near.Stations(s.settings.AliveOnly), MaxFailures: s.settings.MaxFailures, Prefer: append(single(s.settings.Networks), prefer...),
		Port: uint16(s.settings.Port), Timeout: s.settings.Timeout.Duration, Retries: 1, Taken: c.Taken, Resume: true,
		Usable: UsableName, Logger: c.Logger,
	}
	if s.settings.Retries != nil {
		o.Retries = *s.settings.Retries
	}
	for _, name := range s.settings.Auths {
		if a := c.Auths[name]; a != nil {
			o.Candidates = append(o.Candidates, scan.Candidate{Name: name, Auth: a})
		}
	}
	return o, nil
}

// single returns the networks that are one address: a device is polled there.
func single(networks []string) (list []netip.Prefix) {
	for _, text := range networks {
		if n, err := sweep.ParseNetwork(text); err == nil && n.IsSingleIP() {
			list = append(list, n)
		}
	}
	return list
}

// IPOf returns the IP address of a target; ok is false for a name.
func IPOf(address string) (ip netip.Addr, ok bool) {
	parsed, err := access.ParseAddress(address)
	if err != nil {
		return ip, false
	}
	ip, err = netip.ParseAddr(parsed.Host)
	return ip.Unmap(), err == nil
}

func (s *scanner) send(ctx context.Context, up chan<- []*targetgroup.Group, devices []scan.Device) {
	g := &targetgroup.Group{Source: "scan"}
	for i := range devices {
		g.Targets = append(g.Targets, s.labels(&devices[i]))
	}
	select {
	case <-ctx.Done():
	case up <- []*targetgroup.Group{g}:
	}
}

// labels returns the target of a device.
func (s *scanner) labels(d *scan.Device) model.LabelSet {
	address := d.Address.String()
	if s.settings.Port != 0 && s.settings.Port != 161 {
		address = netip.AddrPortFrom(d.Address, uint16(s.settings.Port)).String()
	}
	l := model.LabelSet{model.AddressLabel: model.LabelValue(address), model.LabelName(NameLabel): model.LabelValue(d.Name), model.ParamLabelPrefix + "auth": model.LabelValue(d.Auth)}
	for name, value := range DeviceLabels(d) {
		l[model.LabelName(name)] = model.LabelValue(value)
	}
	return l
}

// The labels with the name of a target, and with the addresses of its device.
const (
	NameLabel      = "__trapline_name__"
	AddressesLabel = "__meta_trapline_addresses"
)

// DeviceLabels returns the __meta_trapline_… labels of a device, which relabel_configs can use.
func DeviceLabels(d *scan.Device) map[string]string {
	l := map[string]string{"device": strconv.Itoa(d.ID)}
	var addresses []string
	for _, a := range d.Addresses {
		addresses = append(addresses, a.String())
	}
	l["addresses"] = strings.Join(addresses, ",")
	f := &d.Facts
	for name, value := range map[string]string{
		"sysname": f.Name, "sysobjectid": f.ObjectID, "sysdescr": f.Descr, "syslocation": f.Location, "engine_id": f.Engine,
		"serial": f.Serial, "chassis_id": f.Chassis, "mac": f.MAC,
	} {
		if value != "" {
			l[name] = value
		}
	}
	labels := make(map[string]string, len(l))
	for name, value := range l {
		labels["__meta_trapline_"+name] = value
	}
	return labels
}

// UsableName reports whether a sysName can be the name of a target.
func UsableName(name string) bool {
	s := poller.TargetSettings{Name: name, Address: "localhost"}
	return len(s.Problems()) == 0 && Misleading(name) == ""
}

// Misleading says by what a name deceives a reader or a command, "" if it does not.
func Misleading(name string) string {
	switch {
	case human.Visible(name) != name:
		return "the name has control characters"
	case strings.TrimSpace(name) != name || strings.HasPrefix(name, "-"):
		return "the name begins with a space or -, which commands take for something else, or ends with a space"
	}
	return ""
}
