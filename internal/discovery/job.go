package discovery

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"

	"trapline/internal/redact"
	"trapline/internal/setting"
)

// StaticConfig is a group of targets of a scrape job.
type StaticConfig struct {
	Targets []string          `yaml:"targets"`          // addresses
	Labels  map[string]string `yaml:"labels,omitempty"` // labels of all of them
}

// staticKind is the ID of the source that static groups are.
const staticKind = "static"

// job are the keys of a scrape job of Prometheus beside its lists, so that one for snmp_exporter can be pasted.
type job struct {
	name     string
	interval time.Duration
	timeout  time.Duration
	path     string
	scheme   string
	params   map[string][]string
}

func (s *Settings) job() job {
	return job{cmp.Or(s.JobName, s.Name), s.ScrapeInterval.Duration, s.ScrapeTimeout.Duration, cmp.Or(s.MetricsPath, "/metrics"), cmp.Or(s.Scheme, "http"), s.Params}
}

// label adds the labels that Prometheus gives an entry of the job, unless the entry has them.
func (j *job) label(b *labels.Builder) {
	set := func(name, value string) {
		if value != "" && b.Get(name) == "" {
			b.Set(name, value)
		}
	}
	set(model.JobLabel, j.name)
	set(model.MetricsPathLabel, j.path)
	set(model.SchemeLabel, j.scheme)
	for name, d := range map[string]time.Duration{model.ScrapeIntervalLabel: j.interval, model.ScrapeTimeoutLabel: j.timeout} {
		if d > 0 {
			set(name, model.Duration(d).String())
		}
	}
	for name, values := range j.params {
		if len(values) > 0 {
			set(paramPrefix+name, values[0]) // as of Prometheus 3: before, params came before the entry's own
		}
	}
}

// param returns the values of a parameter: the label has the first one.
func (j *job) param(l labels.Labels, name string) []string {
	values := slices.Clone(j.params[name])
	switch label := l.Get(paramPrefix + name); {
	case label == "":
	case len(values) == 0:
		return []string{label}
	default:
		values[0] = label
	}
	return values
}

// first returns the first value of a parameter.
func (j *job) first(l labels.Labels, name string) string {
	return strings.Join(slices.Concat(j.param(l, name), []string{""})[:1], "")
}

// modules returns the modules, which snmp_exporter takes one a parameter, or several with commas.
func (j *job) modules(l labels.Labels) (list []string) {
	for _, value := range j.param(l, "module") {
		list = append(list, strings.Split(value, ",")...)
	}
	return slices.DeleteFunc(list, func(name string) bool { return name == "" })
}

// static returns the groups of `static_configs`.
func (s *Settings) static() (groups []*targetgroup.Group) {
	for i, c := range s.Static {
		g := &targetgroup.Group{Source: strconv.Itoa(i), Labels: model.LabelSet{}}
		for name, value := range c.Labels {
			g.Labels[model.LabelName(name)] = model.LabelValue(value)
		}
		for _, address := range c.Targets {
			g.Targets = append(g.Targets, model.LabelSet{model.AddressLabel: model.LabelValue(address)})
		}
		groups = append(groups, g)
	}
	return groups
}

// Warnings returns the doubtful parts.
func (s *Settings) Warnings() (texts []string) {
	for key, value := range map[string]string{"metrics_path": s.MetricsPath, "scheme": s.Scheme} {
		if value != "" {
			texts = append(texts, fmt.Sprintf("%s of the list %s is of the exporter that a scrape job asks: nothing is asked there, only relabel_configs see it", key, s.Name))
		}
	}
	if s.ScrapeTimeout.Duration > 0 {
		texts = append(texts, fmt.Sprintf("scrape_timeout of the list %s has no effect but for relabel_configs: a poll may take as long as its interval, and timeout of targets is that of one request", s.Name))
	}
	slices.Sort(texts)
	return append(texts, s.openSecrets()...)
}

// openSecrets returns warnings about credentials that are sent without encryption.
func (s *Settings) openSecrets() (texts []string) {
	const text = "the list %s sends its credentials to %s without encryption: write https://"
	for _, h := range s.HTTP {
		c := &h.Value.HTTPClientConfig
		secret := c.BasicAuth != nil || c.Authorization != nil || c.OAuth2 != nil || c.BearerToken != "" || c.BearerTokenFile != ""
		if secret && strings.HasPrefix(h.Value.URL, "http://") {
			texts = append(texts, fmt.Sprintf(text, s.Name, redact.URL(h.Value.URL)))
		}
	}
	if s.NetBox != nil && s.NetBox.TokenFile != "" && strings.HasPrefix(s.NetBox.URL, "http://") {
		texts = append(texts, fmt.Sprintf(text, s.Name, redact.URL(s.NetBox.URL)))
	}
	return texts
}

// problemsOfJob returns the errors in keys of a scrape job.
func (s *Settings) problemsOfJob(m *setting.Problems) {
	for i, c := range s.Static {
		if c == nil || len(c.Targets) == 0 {
			m.Add(fmt.Sprintf("static_configs[%d]", i), "the group has no targets")
		}
	}
}
