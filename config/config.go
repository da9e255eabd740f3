// Package config reads the file: snmp.yml, which holds the settings of every other room. It is the
// table of contents; the meaning of an entry, its defaults and its checks belong to the room that uses it.
//
// The file is read strictly. All errors of all files are reported together, each with its line and in the
// words of the file.
package config

import (
	"slices"
	"sync"
	"trapline/internal/traps"

	"trapline/collector"
	"trapline/config/document"
	"trapline/internal/access"
	"trapline/internal/assign"
	"trapline/internal/cause"
	"trapline/internal/cluster"
	"trapline/internal/discovery"
	"trapline/internal/history"
	"trapline/internal/journal"
	"trapline/internal/listen"
	"trapline/internal/modules"
	"trapline/internal/mute"
	"trapline/internal/notify"
	"trapline/internal/poller"
	"trapline/internal/profile"
	"trapline/internal/rules"
	"trapline/internal/topology"
	"trapline/internal/varbind"
	"trapline/mibs"
)

// Config is everything that the files say. A file of snmp_exporter is one that sets auths and modules.
type Config struct {
	Version        int                          `yaml:"version,omitempty"`         // accepted without effect, as in snmp_exporter
	Auths          map[string]*access.Auth      `yaml:"auths,omitempty"`           // credentials by name; default public_v2
	Modules        map[string]*modules.Settings `yaml:"modules,omitempty"`         // what to read, by name
	Global         poller.Global                `yaml:"global,omitempty"`          // defaults of all targets
	StateDir       string                       `yaml:"state_dir,omitempty"`       // directory for what survives a restart; default $STATE_DIRECTORY, or ./trapline-data with receivers or rules
	Targets        []poller.TargetSettings      `yaml:"targets,omitempty"`         // devices to poll
	Discovery      []discovery.Settings         `yaml:"discovery,omitempty"`       // lists of targets that are kept elsewhere
	Assign         []assign.Assignment          `yaml:"assign,omitempty"`          // settings of targets of lists: each entry that matches adds what is not set
	MIBs           modules.MIBs                 `yaml:"mibs,omitempty"`            // where MIB files are
	Profiles       profile.Section              `yaml:"profiles,omitempty"`        // where profile files are
	Auto           profile.AutoSettings         `yaml:"auto,omitempty"`            // what the module auto makes
	DeviceProfiles map[string]*profile.Settings `yaml:"device_profiles,omitempty"` // profiles for the module auto, by name

	// Compiled are the Modules with their names found.
	Compiled map[string]*collector.Settings `yaml:"-"`

	// Book returns the profiles that the module "auto" chooses from. The first call reads them unless Load did.
	Book func() (*profile.Registry, error) `yaml:"-" json:"-"`

	// Names finds the notifications and objects that alarms name.
	Names varbind.Names `yaml:"-" json:"-"`

	// AllNames also has the parts of vendors' modules that are built in.
	AllNames varbind.Names `yaml:"-" json:"-"`

	History history.Settings `yaml:"history,omitempty"` // short histories of targets, for their pages

	Notifications notify.Settings           `yaml:"notifications,omitempty"`  // settings of all receivers
	Receivers     []notify.ReceiverSettings `yaml:"receivers,omitempty"`      // where alarms are sent
	Listen        listen.Settings           `yaml:"listen,omitempty"`         // notifications of devices that are received
	TrapRules     []traps.Settings          `yaml:"trap_rules,omitempty"`     // alarms that notifications of devices raise
	Journal       journal.Settings          `yaml:"journal,omitempty"`        // how much is kept of what happened
	TimeIntervals []mute.Interval           `yaml:"time_intervals,omitempty"` // periods of time by name, as in Alertmanager
	Maintenance   []mute.WindowSettings     `yaml:"maintenance,omitempty"`    // times in which alarms are not sent
	Topology      topology.Settings         `yaml:"topology,omitempty"`       // devices that do not answer because others do not
	InhibitRules  []cause.RuleSettings      `yaml:"inhibit_rules,omitempty"`  // alarms that are not sent while others are active, as in Alertmanager

	Cluster *cluster.Settings `yaml:"cluster,omitempty"` // members that share the targets, and go on with the targets and alarms of one that is gone

	RuleFiles []string `yaml:"rule_files,omitempty"` // globs of rule files, relative to this file

	Thresholds []rules.Threshold `yaml:"thresholds,omitempty"` // rules without PromQL

	RuleSettings rules.Settings `yaml:"rules,omitempty"` // how rules are evaluated

	// Rules are the rules of RuleFiles and those made of Thresholds.
	Rules *rules.Set `yaml:"-" json:"-"`

	// Files are those that were read, and the rule files that they name.
	Files []File `yaml:"-" json:"-"`

	// UsualStateDir reports whether StateDir is the default because no file sets it.
	UsualStateDir bool `yaml:"-" json:"-"`

	// ShipsModules reports whether a target may name modules that ship with the program: see Shipped. In a file of
	// snmp_exporter, which has only auths and modules, it may not.
	ShipsModules bool `yaml:"-" json:"-"`

	// ModuleFiles are the names of the files that Modules stand in.
	ModuleFiles map[string]string `yaml:"-" json:"-"`

	// Warnings are the doubts that do not keep Load from succeeding; the caller logs them.
	Warnings []string `yaml:"-"`
}

// Options are the flags that change how the files are read.
type Options struct {
	// MIBDirs come before those of the section `mibs`.
	MIBDirs []string
	// AllMIBs has every name looked for in all MIBs at once, as snmp_exporter's generator does.
	AllMIBs bool
	// ExpandEnv replaces $NAME and ${NAME} in the credentials of auths; $$ stands for a $.
	ExpandEnv bool
	// Nothing accepts files that configure nothing to poll, such as auths alone.
	Nothing bool

	convert     bool // files of the form before snmp_exporter 0.23
	builtinMIBs bool // no MIBs but the built-in ones
}

// Load reads the files that match patterns as one. It returns Problems if anything is wrong with them,
// and also if they leave nothing to poll with: an empty configuration never replaces a running one.
func Load(patterns []string, o Options) (*Config, error) {
	u, err := readAll(patterns, o)
	if err != nil {
		return nil, err
	}
	if m := u.nothing(); len(m) > 0 && !o.Nothing {
		return nil, m.Sorted()
	}
	return u.configuration(o)
}

// configuration returns the configuration of the files. Of the files themselves it keeps only the text.
func (u *merged) configuration(o Options) (*Config, error) {
	c := u.config
	c.Files, c.ModuleFiles = u.files(), u.moduleFiles()
	dirs := slices.Concat(o.MIBDirs, c.MIBs.Dirs)
	c.Names = sync.OnceValues(func() (*mibs.Tree, error) { return modules.MIBsFor(dirs, c.texts()...) })
	c.AllNames = sync.OnceValues(func() (*mibs.Tree, error) { return modules.AllMIBs(dirs) })
	if u.wantsProfiles() {
		book, err := u.book(o)
		if err != nil {
			return nil, err
		}
		c.Warnings = u.config.Warnings // with those about profiles
		c.Book = func() (*profile.Registry, error) { return book, nil }
		return &c, nil
	}
	bare := &merged{config: c}
	c.Book = sync.OnceValues(func() (*profile.Registry, error) { return bare.book(o) })
	return &c, nil
}

func readAll(patterns []string, o Options) (*merged, error) {
	files, warnings, problems := document.Match(patterns)
	var sources []*configSource
	for _, file := range files {
		s := document.Read[Config](file, &dialect)
		if s.Old != nil && o.convert {
			s = converted(s)
			warnings = append(warnings, s.Notes...)
		}
		sources = append(sources, s)
	}
	u, more := merge(sources, o)
	if problems = append(problems, more...); len(problems) > 0 {
		return nil, problems.Sorted()
	}
	u.addShipped()
	u.warnOfReplaced()
	u.config.Warnings = slices.Concat(warnings, u.warnings(), u.config.Warnings)
	return u, nil
}
