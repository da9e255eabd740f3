// Package config reads the file: snmp.yml, which holds the settings of every other room. It is the
// table of contents; what an entry means, its defaults and its checks belong to the room that uses it.
//
// The file is read strictly. Whatever is wrong, in however many files, is told at once, each mistake
// with its line and in the words of the file.
package config

import (
	"bytes"

	"gopkg.in/yaml.v3"

	"trapline/collector"
	"trapline/internal/engine"
	"trapline/internal/notify"
	"trapline/internal/poller"
)

// Config is everything that the files say. A file of snmp_exporter is one that sets auths and modules.
type Config struct {
	Version int                            `yaml:"version,omitempty"` // accepted and of no use, as in snmp_exporter
	Auths   map[string]*engine.Auth        `yaml:"auths,omitempty"`
	Modules map[string]*collector.Settings `yaml:"modules,omitempty"`
	Global  poller.Global                  `yaml:"global,omitempty"`
	Targets []poller.TargetSettings        `yaml:"targets,omitempty"`

	Notifications notify.Settings           `yaml:"notifications,omitempty"`
	Receivers     []notify.ReceiverSettings `yaml:"receivers,omitempty"`

	// Warnings are what Load coped with; the caller logs them.
	Warnings []string `yaml:"-"`
}

// Options are the flags that change how the files are read.
type Options struct {
	// ExpandEnv replaces $NAME and ${NAME} in the credentials of auths; $$ stands for a $.
	ExpandEnv bool
}

// Load reads the files that match patterns as one. It returns Mistakes if anything is wrong with them,
// and also if they leave nothing to poll with: an empty configuration never replaces a running one.
func Load(patterns []string, o Options) (*Config, error) {
	files, warnings, mistakes := match(patterns)
	var sources []*source
	for _, file := range files {
		sources = append(sources, read(file))
	}
	c, more := unite(sources, o)
	if mistakes = append(mistakes, more...); len(mistakes) > 0 {
		return nil, mistakes.sorted()
	}
	c.Warnings = warnings
	return c, nil
}

// Dump gives the configuration as YAML, each secret as <secret>.
func (c *Config) Dump() ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(c); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}
