package discovery

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"trapline/internal/facts"
	"trapline/internal/statedir"
)

// saved is the file of a list in the state directory: a start polls its targets before their source answers.
type saved struct {
	Sources []savedSource   `json:"sources"`
	Unread  bool            `json:"unread,omitempty"`  // see list
	Unnamed bool            `json:"unnamed,omitempty"` // see list
	Held    []labels.Labels `json:"held,omitempty"`    // that the guard keeps
	Devices []facts.Record  `json:"devices,omitempty"` // as far as assignments depend on them
	Naming  string          `json:"naming,omitempty"`  // the templates that gave the names
}

type savedSource struct {
	Kind    string          `json:"kind"`
	Source  string          `json:"source"`
	Targets []labels.Labels `json:"targets"`
}

// maxSaved bounds the file: labels with escapes are longer there than in memory.
const maxSaved = 8 * maxOctets

// savedDir is the directory below the state directory.
const savedDir = "discovery"

func savedFile(dir, name string) string { return filepath.Join(dir, savedDir, name+".json") }

// saved returns the list as it is written.
func (l *list) saved() *saved {
	s := &saved{Sources: make([]savedSource, 0, len(l.sources)), Unread: l.unread, Unnamed: l.unnamed}
	for key, targets := range l.sources {
		s.Sources = append(s.Sources, savedSource{key.kind, key.source, targets})
	}
	for _, a := range l.guard.missing {
		s.Held = append(s.Held, a.entry.raw)
	}
	if s.Naming = l.maker.assign.Naming(); !l.maker.book.Empty() {
		s.Devices = l.maker.book.Records(l.keys(), time.Now())
	}
	return s
}

// write replaces the file, with all in a fixed order.
func (s *saved) write(file string) error {
	key := func(x *savedSource) sourceKey { return sourceKey{x.Kind, x.Source} }
	slices.SortFunc(s.Sources, func(a, b savedSource) int { return compareSources(key(&a), key(&b)) })
	slices.SortFunc(s.Held, labels.Compare)
	text, err := json.Marshal(s)
	if err = errors.Join(err, os.MkdirAll(filepath.Dir(file), 0o700)); err != nil {
		return err
	}
	return statedir.ReplaceSealed(file, text)
}

// restore reads the list as it was saved, if it was.
func (l *list) restore(dir string) error {
	if dir == "" {
		return nil
	}
	file := savedFile(dir, l.name)
	text, err := statedir.ReadSealed(file, maxSaved)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var s saved
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	l.unread, l.unnamed = s.Unread, s.Unnamed
	for _, source := range s.Sources {
		key := sourceKey{source.Kind, source.Source}
		switch word, _, _ := strings.Cut(source.Kind, " "); word { // an earlier version has saved each group
		case "file":
			key.source = fileOf(key.source)
		case "http":
			key.source = httpSource
		}
		l.sources[key] = append(l.sources[key], source.Targets...)
	}
	l.held = s.Held
	l.maker.book.Restore(s.Devices)
	if s.Naming != l.maker.assign.Naming() {
		l.maker.book.Unname()
	}
	return nil
}

// keys returns the devices of the list.
func (l *list) keys() map[facts.Key]bool {
	keys := make(map[facts.Key]bool, len(l.maker.known))
	for _, k := range l.maker.known {
		keys[k.key] = true
	}
	return keys
}
