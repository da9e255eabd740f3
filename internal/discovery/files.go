package discovery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	prom "github.com/prometheus/prometheus/discovery"
	filesd "github.com/prometheus/prometheus/discovery/file"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"go.yaml.in/yaml/v2"

	"trapline/internal/setting"
)

const (
	lookTime  = 500 * time.Millisecond // between looks
	lookShare = 20                     // of the time, one part is for looks
	raceTime  = time.Second            // in which a second change of a file may not change its time
	// maxYAML and maxYAMLValues bound a list in YAML, of which memory holds many times as much.
	maxYAML       = 64 << 20
	maxYAMLValues = 4_000_000
)

// fileLists reads files. Each is one source, which loses all that it loses at once, also what the process before has read of
// it: the guard has to see it. It looks twice a second, and reads those that are others once two looks saw the same: a file
// is left until it is whole. Prometheus' discoverer waits for ever for the writer of a named pipe, and bounds no file.
type fileLists struct {
	patterns []string
	every    time.Duration // after which all files are read again
	read     func(file string) ([]*targetgroup.Group, error)
	stay     bool // a file that is named, and is not there, is an error
	logger   *slog.Logger
	known    map[string]*listFile
	all      time.Time // when all files were last read
	noted    string    // error that was reported last
}

// listFile is a file that was seen.
type listFile struct {
	pattern string      // by which it was found
	looked  os.FileInfo // at the last look
	info    os.FileInfo // when it was read; nil if it was not
	again   time.Time   // when to read it once more, as its time was too young to tell changes; zero if it was not
	absent  int         // looks since it was there
	err     error       // of the last reading
}

func newFiles(c *filesd.SDConfig, o prom.DiscovererOptions) (prom.Discoverer, error) {
	return &fileLists{patterns: c.Files, every: time.Duration(c.RefreshInterval), read: readGroups, logger: o.Logger, known: map[string]*listFile{}}, nil
}

// Run sends the groups of files that are others, until ctx is canceled.
func (l *fileLists) Run(ctx context.Context, up chan<- []*targetgroup.Group) {
	for {
		start := time.Now()
		groups, err := l.look(start)
		switch {
		case err == nil:
			l.noted = ""
		case groups != nil || err.Error() != l.noted:
			l.noted = err.Error()
			l.logger.Error("files cannot be read", "err", err)
		}
		if groups != nil {
			select {
			case up <- groups:
			case <-ctx.Done():
			}
		}
		wait := time.Since(start)
		if groups == nil { // reading takes its time, and is done because of a change
			wait *= lookShare
		}
		select {
		case <-time.After(max(lookTime, wait)):
		case <-ctx.Done():
			return
		}
	}
}

// look returns the groups of files that changed, nil if none did, and the errors of all that cannot be read.
func (l *fileLists) look(now time.Time) (groups []*targetgroup.Group, err error) {
	all := l.all.IsZero() || now.Sub(l.all) >= l.every
	first := l.all.IsZero()
	found, failed := l.find()
	if all {
		l.all = now
		groups = []*targetgroup.Group{}
	}
	targets := 0
	for _, file := range slices.Sorted(maps.Keys(found)) {
		f := l.known[file]
		if f == nil {
			f = &listFile{pattern: found[file]}
			l.known[file] = f
		}
		f.absent = 0
		if f.changed(file, all, first, now) && targets <= maxTargets {
			changed := f.take(l.read(file))
			for _, g := range changed {
				targets += len(g.Targets)
			}
			groups = append(groups, changed...)
		}
		if f.err != nil && !(l.stay && errors.Is(f.err, fs.ErrNotExist)) { // which find has reported
			failed = errors.Join(failed, fmt.Errorf("%s: %w", file, f.err))
		}
	}
	if targets > maxTargets {
		failed = errors.Join(failed, errTooManyTargets)
	}
	return append(groups, l.gone(found)...), failed
}

// find returns the files and the pattern of each. Those that were there before stay if their directory cannot be read.
func (l *fileLists) find() (found map[string]string, failed error) {
	found = map[string]string{}
	for _, pattern := range l.patterns {
		files, err := filepath.Glob(pattern)
		plain := !strings.ContainsAny(pattern, "*?[")
		if dir := filepath.Dir(pattern); err == nil && len(files) == 0 && !strings.ContainsAny(dir, "*?[") {
			_, err = os.ReadDir(dir)
		}
		if err == nil && len(files) == 0 && plain && l.stay {
			err = fmt.Errorf("%s: no such file", pattern)
		}
		if err != nil {
			failed = errors.Join(failed, err)
			for file, f := range l.known {
				if f.pattern == pattern {
					found[file] = pattern
				}
			}
		}
		for _, file := range files[:min(len(files), maxTargets)] {
			found[file] = pattern
		}
	}
	return found, failed
}

// gone returns empty groups for files that are not there any more. One that is replaced may be missing for a moment.
func (l *fileLists) gone(found map[string]string) (groups []*targetgroup.Group) {
	for file, f := range l.known {
		if _, there := found[file]; there {
			continue
		}
		if f.absent++; f.absent < 2 {
			continue
		}
		delete(l.known, file)
		groups = append(groups, &targetgroup.Group{Source: file})
	}
	return groups
}

// changed reports whether to read a file.
func (f *listFile) changed(file string, all, first bool, now time.Time) bool {
	info, err := os.Stat(file)
	if err != nil {
		f.err, f.looked, f.info = err, nil, nil
		return false
	}
	steady := first || f.looked != nil && same(f.looked, info)
	f.looked = info
	again := !f.again.IsZero() && !now.Before(f.again)
	if !steady || !all && !again && f.info != nil && same(f.info, info) {
		return false
	}
	f.info, f.again = info, time.Time{}
	if age := now.Sub(info.ModTime()); age >= 0 && age < raceTime {
		f.again = now.Add(raceTime)
	}
	return true
}

func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// take takes what reading a file gave.
func (f *listFile) take(groups []*targetgroup.Group, err error) []*targetgroup.Group {
	if f.err = err; err != nil {
		return nil
	}
	return groups
}

// readGroups reads a file of Prometheus' file_sd.
func readGroups(file string) (groups []*targetgroup.Group, err error) {
	raw, err := setting.ReadFile(file, maxList)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(filepath.Ext(file), ".json") {
		groups, err = decodeGroups(raw)
	} else {
		groups, err = decodeYAML(raw)
	}
	if err == nil && len(groups) == 0 {
		return []*targetgroup.Group{{Source: file}}, nil
	}
	for _, g := range groups {
		g.Source = file
		g.Labels[model.MetaLabelPrefix+"filepath"] = model.LabelValue(file)
	}
	return groups, err
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
