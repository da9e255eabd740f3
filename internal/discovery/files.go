package discovery

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	filesd "github.com/prometheus/prometheus/discovery/file"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
	"go.yaml.in/yaml/v2"

	"trapline/internal/filelist"
	"trapline/internal/setting"
)

// maxYAML and maxYAMLValues bound a list in YAML, of which memory holds many times as much.
const (
	maxYAML       = 64 << 20
	maxYAMLValues = 4_000_000
)

// files are lists that stand in files. Each file is a source.
type files = filelist.Files[labels.Labels]

// part is a file that was read.
type part = filelist.Part[labels.Labels]

func newFiles(c *filesd.SDConfig, logger *slog.Logger) *files {
	return &files{
		Patterns: c.Files, Every: time.Duration(c.RefreshInterval), Most: maxTargets, TooMany: errTooManyTargets, Logger: logger,
		Reader: func(file string) func() ([]labels.Labels, error) { return (&groupFile{name: file}).read },
	}
}

// groupFile is a file of Prometheus' file_sd.
type groupFile struct {
	name  string
	known map[groupDigest][]labels.Labels // of the groups that the last reading found
}

// groupDigest stands for the text of a group.
type groupDigest [sha256.Size]byte

// read reads the file.
func (f *groupFile) read() ([]labels.Labels, error) {
	raw, err := setting.ReadFile(f.name, maxList)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(filepath.Ext(f.name), ".json") {
		return f.decode(raw)
	}
	groups, err := decodeYAML(raw)
	if err != nil {
		return nil, err
	}
	return f.entries(groups...)
}

// entries returns the labels of the targets of groups.
func (f *groupFile) entries(groups ...*targetgroup.Group) ([]labels.Labels, error) {
	for _, g := range groups {
		g.Labels[model.MetaLabelPrefix+"filepath"] = model.LabelValue(f.name)
	}
	all, err := entries(groups, maxTargets)
	return slices.Concat(all...), err
}

// decode reads groups as JSON. Those that the last reading found are not decoded again.
func (f *groupFile) decode(raw []byte) (all []labels.Labels, err error) {
	next := make(map[groupDigest][]labels.Labels, len(f.known))
	octets, groups := 0, 0
	err = decodeList(raw, func(d *json.Decoder) error {
		g := knownGroup{file: f, next: next}
		if err := d.Decode(&g); err != nil {
			return err
		}
		groups++
		all = append(all, g.entries...)
		if octets += octetsOf(g.entries...); octets > maxOctets {
			return errTooLarge
		}
		if len(all) > maxTargets || groups > maxTargets {
			return errTooManyTargets
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	f.known = next
	return all, nil
}

// knownGroup is a group of a file that may have had it before.
type knownGroup struct {
	file    *groupFile
	next    map[groupDigest][]labels.Labels
	entries []labels.Labels
}

// UnmarshalJSON reads a group, unless it is known.
func (g *knownGroup) UnmarshalJSON(raw []byte) (err error) {
	digest := groupDigest(sha256.Sum256(raw))
	known := false
	if g.entries, known = g.file.known[digest]; !known {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		one, err := decodeGroup(d)
		if err != nil {
			return err
		}
		if g.entries, err = g.file.entries(one.group()); err != nil {
			return err
		}
	}
	g.next[digest] = g.entries
	return nil
}

// decodeYAML is decodeGroups for YAML, in which each value ends with a comma or a line.
func decodeYAML(raw []byte) (groups []*targetgroup.Group, err error) {
	if len(raw) > maxYAML || bytes.Count(raw, []byte{','})+bytes.Count(raw, []byte{'\n'}) > maxYAMLValues {
		return nil, fmt.Errorf("lists of more than %d octets, or %d values, must be JSON", maxYAML, maxYAMLValues)
	}
	if err := yaml.UnmarshalStrict(raw, &groups); err != nil {
		return nil, err
	}
	targets := 0
	for _, g := range groups {
		if g == nil {
			return nil, errors.New("a group of the list is null")
		}
		if targets += len(g.Targets); targets > maxTargets {
			return nil, errTooManyTargets
		}
		if g.Labels == nil {
			g.Labels = model.LabelSet{}
		}
	}
	return groups, nil
}
