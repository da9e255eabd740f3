package discovery

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	common "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"

	"trapline/internal/csvlist"
	"trapline/internal/setting"
)

// CSV are lists as spreadsheets have them. Their first row names the columns: keys of targets; all others are labels.
type CSV struct {
	Paths   []string         `yaml:"files"`                      // paths, or globs of several
	Refresh setting.Duration `yaml:"refresh_interval,omitempty"` // how often the files are read in any case; those that change are read at once; default 1m
}

const defaultRefresh = time.Minute

// Problems returns the errors in the settings.
func (c *CSV) Problems() []setting.Problem {
	var m setting.Problems
	if len(c.Paths) == 0 {
		m.Add("files", "name at least one file, such as devices.csv")
	}
	for i, p := range c.Paths {
		if _, err := filepath.Match(p, ""); err != nil {
			m.Add(fmt.Sprintf("files[%d]", i), "%q is no glob: a [ has no ]", p)
		}
	}
	return m
}

// SetDirectory makes the names of files relative to a directory.
func (c *CSV) SetDirectory(dir string) {
	for i, p := range c.Paths {
		c.Paths[i] = common.JoinDir(dir, p)
	}
}

func (c *CSV) open(logger *slog.Logger) *files {
	every := c.Refresh.Duration
	if every <= 0 {
		every = defaultRefresh
	}
	return &files{
		Patterns: c.Paths, Every: every, Stay: true, Most: maxTargets, TooMany: errTooManyTargets, Logger: logger,
		Reader: func(file string) func() ([]labels.Labels, error) {
			return func() ([]labels.Labels, error) { return readRows(file) }
		},
	}
}

// readRows returns the targets of a file, and its rows that are none.
func readRows(file string) ([]labels.Labels, error) {
	raw, err := setting.ReadFile(file, maxList)
	if err != nil {
		return nil, err
	}
	list, bad, err := csvlist.Parse(raw)
	if err != nil {
		return nil, err
	}
	g := &targetgroup.Group{Labels: model.LabelSet{model.MetaLabelPrefix + "filepath": model.LabelValue(file)}}
	for i := range list {
		g.Targets = append(g.Targets, rowLabels(&list[i]))
	}
	for _, b := range bad {
		place := model.LabelValue(fmt.Sprintf("%s:%d", file, b.Line))
		g.Targets = append(g.Targets, model.LabelSet{nameLabel: place, model.LabelName(errorLabel): model.LabelValue(b.Text)})
	}
	all, err := entries([]*targetgroup.Group{g}, maxTargets+1)
	return slices.Concat(all...), err
}

func rowLabels(t *csvlist.Target) model.LabelSet {
	l := model.LabelSet{model.AddressLabel: model.LabelValue(t.Address)}
	for name, value := range map[model.LabelName]string{
		nameLabel: t.Name, paramPrefix + "auth": t.Auth, paramPrefix + "module": strings.Join(t.Modules, ","), model.ScrapeIntervalLabel: t.Interval,
	} {
		if value != "" {
			l[name] = model.LabelValue(value)
		}
	}
	for _, o := range t.Others {
		l[model.LabelName(keyLabel(o[0]))] = model.LabelValue(o[1])
	}
	for _, o := range t.Labels {
		l[model.LabelName(o[0])] = model.LabelValue(o[1])
	}
	return l
}
