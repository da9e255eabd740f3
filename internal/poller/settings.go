package poller

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/series"
	"trapline/internal/setting"
)

// Global is the `global` section: the defaults of all targets.
type Global struct {
	Interval        setting.Duration  `yaml:"interval,omitempty"`         // how often targets are polled; default 1m, at least 1s
	Concurrency     int               `yaml:"concurrency,omitempty"`      // devices that are polled at once; default 1000; with 1, strictly one after the other
	MaxTotalBytes   int               `yaml:"max_total_bytes,omitempty"`  // octets of answers that all polls together may hold; default 67108864
	MaxAge          setting.Duration  `yaml:"max_age,omitempty"`          // /snmp may answer from a poll that is no older; default 0: never
	SourceAddress   string            `yaml:"source_address,omitempty"`   // address, or address:port, to send requests from
	SourceInterface string            `yaml:"source_interface,omitempty"` // network interface to send requests from
	Labels          map[string]string `yaml:"labels,omitempty"`           // labels of all targets, before which a target's own come; $target in a value is the target's name
	client.Params   `yaml:",inline"`
}

// Defaults of settings. DefaultAuth and DefaultModule are those of the files, where the files define them.
const (
	DefaultInterval    = time.Minute
	DefaultConcurrency = 1000
	DefaultAuth        = "public_v2"
	DefaultModule      = "if_mib"
)

// TargetSettings is an entry of `targets`: a device that is polled on an interval.
type TargetSettings struct {
	Name            string            `yaml:"name,omitempty"`              // value of the label target; default the address, without its transport
	Address         string            `yaml:"address"`                     // [udp|udp4|udp6|tcp://]host[:port]; default port 161
	Auth            string            `yaml:"auth,omitempty"`              // entry of auths; default public_v2
	Modules         []string          `yaml:"modules,omitempty"`           // entries of modules, shipped modules or auto; default if_mib
	Interval        setting.Duration  `yaml:"interval,omitempty"`          // how often it is polled; default that of global
	Context         string            `yaml:"context,omitempty"`           // SNMPv3 context, or what agents of SNMPv2c take as community@context
	ContextEngineID string            `yaml:"context_engine_id,omitempty"` // engine ID of the context, in hexadecimal digits; default that of the device
	SourceAddress   string            `yaml:"source_address,omitempty"`    // address, or address:port, to send requests from
	SourceInterface string            `yaml:"source_interface,omitempty"`  // network interface to send requests from
	Engine          string            `yaml:"engine,omitempty"`            // gosnmp has columns walked by the gosnmp library, one request after the other; default Trapline's own
	Labels          map[string]string `yaml:"labels,omitempty"`            // labels of all its series and alarms
	Zone            string            `yaml:"zone,omitempty"`              // members of a cluster with this zone alone poll it; default the value of the label that cluster.zone_label names
	Parents         []string          `yaml:"parents,omitempty"`           // names of targets by any of which it is reached: its alarm is not sent while they are down
	client.Params   `yaml:",inline"`
}

// UnmarshalYAML reads the keys of a target, or its address alone. Auth and modules that are not set are left to
// the caller, which knows the names.
func (t *TargetSettings) UnmarshalYAML(unmarshal func(any) error) error {
	type plain TargetSettings
	*t = TargetSettings{}
	if err := unmarshal((*plain)(t)); err != nil {
		var address string
		if unmarshal(&address) != nil {
			return err
		}
		*t = TargetSettings{Address: address}
	}
	if t.Name == "" {
		t.Name = t.Address[strings.LastIndex(t.Address, "/")+1:]
	}
	return nil
}

// TextForm says that an address may stand for a target.
func (TargetSettings) TextForm() {}

// Wanted describes the expected value.
func (TargetSettings) Wanted() string {
	return "an address, or keys such as name, address, auth, modules"
}

// Problems reports settings that no pass could run with.
func (g *Global) Problems() []setting.Problem {
	var m setting.Problems
	if g.Concurrency < 0 {
		m.Add("concurrency", "a number of polls at once is 1 or more (0: the default)")
	}
	if g.MaxTotalBytes < 0 {
		m.Add("max_total_bytes", "a number of octets is 1 or more (0: the default, 67108864)")
	}
	if _, err := access.ParseSource(g.SourceAddress); err != nil {
		m.Add("source_address", "%s", err.Error())
	}
	m = append(m, labelProblems(g.Labels)...)
	return append(m, intervalProblem(g.Interval)...)
}

// Problems reports settings that no pass could run with.
func (t *TargetSettings) Problems() []setting.Problem {
	var m setting.Problems
	if t.Address == "" {
		m.Add("address", "target %q needs an address", t.Name)
	} else if _, err := access.ParseAddress(t.Address); err != nil {
		m.Add("address", "%v", err)
	}
	if strings.ContainsAny(t.Name, "/?#%") {
		m.Add("name", "target name %q holds one of / ? # %%, which cannot stand in the URL /targets/NAME/metrics", t.Name)
	}
	if t.Name == "." || t.Name == ".." {
		m.Add("name", "target name %q is a step in the URL /targets/NAME/metrics: give it another name", t.Name)
	}
	if _, err := setting.Hex(t.ContextEngineID); err != nil {
		m.Add("context_engine_id", "%q has %v, such as 80001f8880a1b2c3d4", t.ContextEngineID, err)
	}
	if _, err := access.ParseSource(t.SourceAddress); err != nil {
		m.Add("source_address", "%v", err)
	}
	if len(t.Zone) > 64 {
		m.Add("zone", "a zone has at most 64 octets")
	}
	if t.Engine != "" && t.Engine != access.Gosnmp {
		m.Add("engine", "unknown engine %q: write gosnmp, or leave it out", t.Engine)
	}
	m = append(m, labelProblems(t.Labels)...)
	return append(m, intervalProblem(t.Interval)...)
}

// Warnings reports labels that Prometheus would see under another name.
func (t *TargetSettings) Warnings() []setting.Problem { return labelWarnings(t.Labels) }

// Warnings reports labels that Prometheus would see under another name.
func (g *Global) Warnings() []setting.Problem { return labelWarnings(g.Labels) }

func labelWarnings(labels map[string]string) []setting.Problem {
	var m setting.Problems
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if shown := series.LabelName(name); shown != name {
			m.Add("labels."+name, "label %q is exposed as %q: write that", name, shown)
		}
	}
	return m
}

// TargetLabel is the label that distinguishes the series of targets.
const TargetLabel = "target"

// labelProblems reports names that labels of targets cannot have.
func labelProblems(labels map[string]string) []setting.Problem {
	var m setting.Problems
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		switch {
		case name == "" || strings.HasPrefix(name, "__"):
			m.Add("labels."+name, "label %q: an empty name, and one that starts with __, cannot be used", name)
		case series.LabelName(name) != name && labels[series.LabelName(name)] != "":
			m.Add("labels."+name, "label %q is exposed as %q, which is set too: keep one", name, series.LabelName(name))
		case name == TargetLabel:
			m.Add("labels."+name, "label %q is set to the target's name already", name)
		}
	}
	return m
}

// targetName stands for the target's name in the values of global labels.
const targetName = "$target"

// labels returns the labels of a target: its own, and those of all that it does not set itself.
func (g *Global) labels(t *TargetSettings) map[string]string {
	if len(g.Labels) == 0 {
		return t.Labels
	}
	all := make(map[string]string, len(g.Labels)+len(t.Labels))
	for name, value := range g.Labels {
		all[name] = strings.ReplaceAll(value, targetName, t.Name)
	}
	maps.Copy(all, t.Labels)
	return all
}

// Effective resolves the defaults of a target.
func (t *TargetSettings) Effective(g *Global) {
	t.Labels = g.labels(t)
	t.Interval.Duration = firstSet(t.Interval.Duration, g.Interval.Duration, DefaultInterval)
	t.SourceAddress = cmp.Or(t.SourceAddress, g.SourceAddress)
	t.SourceInterface = cmp.Or(t.SourceInterface, g.SourceInterface)
	t.Params = t.Params.WithDefaults(g.Params)
}

const minInterval = time.Second

func intervalProblem(d setting.Duration) []setting.Problem {
	if d.IsZero() || d.Duration >= minInterval || len(d.Problems()) > 0 {
		return nil
	}
	return []setting.Problem{{Path: "interval", Text: fmt.Sprintf("an interval of %s is too short: %s is the least", d, minInterval)}}
}
