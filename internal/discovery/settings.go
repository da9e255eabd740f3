package discovery

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery/dns"
	"github.com/prometheus/prometheus/discovery/file"
	"github.com/prometheus/prometheus/discovery/http"
	"github.com/prometheus/prometheus/model/relabel"

	"trapline/internal/seek"
	"trapline/internal/setting"
)

// Settings is an entry of `discovery`: a list of targets that is kept elsewhere.
type Settings struct {
	Name   string                            `yaml:"name"`                      // in pages, metrics and the state directory
	Files  []*setting.Foreign[file.SDConfig] `yaml:"file_sd_configs,omitempty"` // files of Prometheus' file_sd
	HTTP   []*setting.Foreign[http.SDConfig] `yaml:"http_sd_configs,omitempty"` // servers of Prometheus' http_sd
	DNS    []*setting.Foreign[dns.SDConfig]  `yaml:"dns_sd_configs,omitempty"`  // DNS names, as Prometheus' dns_sd
	CSV    *CSV                              `yaml:"csv,omitempty"`             // lists as spreadsheets have them
	NetBox *NetBox                           `yaml:"netbox,omitempty"`          // devices of a NetBox server
	Scan   *seek.Scan                        `yaml:"scan,omitempty"`            // networks in which devices are looked for

	Neighbours *seek.Neighbours `yaml:"neighbours,omitempty"` // devices that stand in the tables of those that are polled

	Relabel []*setting.Foreign[relabel.Config] `yaml:"relabel_configs,omitempty"` // as in a scrape job of Prometheus for snmp_exporter
	Params  map[string][]string                `yaml:"params,omitempty"`          // as in a scrape job of Prometheus: auth, module and snmp_context of its targets
	Static  []*StaticConfig                    `yaml:"static_configs,omitempty"`  // groups of addresses with labels, as in a scrape job
	JobName string                             `yaml:"job_name,omitempty"`        // of a scrape job that was pasted: the name, if there is no other

	ScrapeInterval setting.Duration `yaml:"scrape_interval,omitempty"` // of a scrape job: how often its targets are polled
	ScrapeTimeout  setting.Duration `yaml:"scrape_timeout,omitempty"`  // of a scrape job: without effect but for relabel_configs
	MetricsPath    string           `yaml:"metrics_path,omitempty"`    // of a scrape job: without effect but for relabel_configs
	Scheme         string           `yaml:"scheme,omitempty"`          // of a scrape job: without effect but for relabel_configs

	MaxDrop setting.Percent  `yaml:"max_drop,omitempty"` // a list that loses more than this share at once, and more than 10 targets, keeps them for grace; default 50%; 100% turns it off
	Grace   setting.Duration `yaml:"grace,omitempty"`    // for how long at least; default 15m
}

// Defaults of settings.
const (
	defaultMaxDrop = 50
	defaultGrace   = 15 * time.Minute
	// smallDrop is how many targets a list may lose at once in any case.
	smallDrop = 10
)

// nameForm is the form of names, which are names of files, too.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Problems returns the errors in the settings.
func (s *Settings) Problems() []setting.Problem {
	var m setting.Problems
	switch name := cmp.Or(s.Name, s.JobName); {
	case name == "":
		m.Add("", "an entry of discovery needs a name")
	case !nameForm.MatchString(name):
		m.Add("name", "%q cannot be the name of a file: write up to 64 letters, digits and any of . _ -", name)
	}
	s.problemsOfJob(&m)
	if len(s.kinds())+len(s.Static) == 0 {
		m.Add("", "the entry %q names no list: write one of %s", cmp.Or(s.Name, s.JobName), strings.Join(kindKeys(), ", "))
	}
	for i, r := range s.Relabel {
		if r == nil || len(r.Problems()) > 0 {
			continue
		}
		if err := r.Value.Validate(model.UTF8Validation); err != nil {
			m.Add(fmt.Sprintf("relabel_configs[%d]", i), "%v", err)
		}
	}
	return m
}

// SetDirectory makes the names of files relative to a directory, and names a list that has only the name of a job.
func (s *Settings) SetDirectory(dir string) {
	s.Name = cmp.Or(s.Name, s.JobName)
	for _, k := range s.kinds() {
		k.config.SetDirectory(dir)
	}
}

// relabelConfigs returns the rules that labels pass.
func (s *Settings) relabelConfigs() []*relabel.Config {
	list := make([]*relabel.Config, 0, len(s.Relabel))
	for _, r := range s.Relabel {
		list = append(list, &r.Value)
	}
	return list
}

// kindKeys are the keys of the kinds of lists.
func kindKeys() []string {
	return []string{"csv", "dns_sd_configs", "file_sd_configs", "http_sd_configs", "neighbours", "netbox", "scan", "static_configs"}
}

// OnlyNeighbours reports whether an entry has targets by nothing else.
func (s *Settings) OnlyNeighbours() bool {
	return s.Neighbours != nil && len(s.kinds()) == 1 && len(s.Static) == 0
}
