// Package filelist has files read again that change: lists of targets that other programs write.
package filelist

import (
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
)

const (
	lookTime  = 250 * time.Millisecond // between looks
	soonTime  = 50 * time.Millisecond  // between looks while a file is being changed
	lookShare = 20                     // of the time, one part is for looks
	raceTime  = time.Second            // in which a second change of a file may not change its time
	// A file that is written in place is left until nobody has written for steadyTime. One that has replaced another, as
	// rename does, is most probably whole.
	steadyTime, replacedTime = 500 * time.Millisecond, 100 * time.Millisecond
)

// Part is all that a file has; without entries the file is empty, or gone.
type Part[T any] struct {
	File    string
	Entries []T
}

// Files are read when they are others, once they are whole. Each has all its changes in one message, also what the process
// before has read of it: what is lost at once is seen at once. Prometheus' discoverer waits for ever for the writer of a
// named pipe, and bounds no file.
type Files[T any] struct {
	Patterns []string
	Every    time.Duration                         // after which all files are read again
	Reader   func(file string) func() ([]T, error) // reads one file, as often as it changes
	Stay     bool                                  // a file that is named, and is not there, is an error
	Most     int                                   // files, and entries of all files of a look
	TooMany  error
	Logger   *slog.Logger

	known     map[string]*file[T]
	all       time.Time // when all files were last read
	unsettled bool      // the last look found a file that is being changed
	noted     string    // error that was reported last
}

// file is a file that was seen.
type file[T any] struct {
	read     func() ([]T, error)
	pattern  string      // by which it was found
	looked   os.FileInfo // at the last look
	since    time.Time   // it is as it was looked at
	replaced bool        // since then, another file of this name
	info     os.FileInfo // when it was read; nil if it was not
	again    time.Time   // when to read it once more, as its time was too young to tell changes; zero if it was not
	absent   time.Time   // since when it is not there; zero if it is
	err      error       // of the last reading
}

// Run sends files that are others, until ctx is canceled.
func (l *Files[T]) Run(ctx context.Context, send func([]Part[T])) {
	for {
		start := time.Now()
		parts, err := l.Look(start)
		switch {
		case err == nil:
			l.noted = ""
		case parts != nil || err.Error() != l.noted:
			l.noted = err.Error()
			l.Logger.Error("files cannot be read", "err", err)
		}
		took := time.Since(start)
		if parts != nil {
			took /= lookShare // reading takes its time, and is done because of a change
			send(parts)
		}
		wait := lookTime
		if l.unsettled {
			wait = soonTime
		}
		select {
		case <-time.After(max(wait, took*lookShare)):
		case <-ctx.Done():
			return
		}
	}
}

// Look returns the files that changed, nil if none did, and the errors of all that cannot be read. The first look is at
// all files.
func (l *Files[T]) Look(now time.Time) (parts []Part[T], err error) {
	first := l.all.IsZero()
	all := first || now.Sub(l.all) >= l.Every
	found, failed := l.find()
	if all {
		l.all, parts = now, []Part[T]{}
	}
	if first {
		l.known = map[string]*file[T]{}
	}
	l.unsettled = false
	entries := 0
	for _, name := range slices.Sorted(maps.Keys(found)) {
		f := l.known[name]
		if f == nil {
			f = &file[T]{read: l.Reader(name), pattern: found[name]}
			l.known[name] = f
		}
		f.absent = time.Time{}
		if l.changed(f, name, all, first, now) && entries <= l.Most {
			var read []T
			if read, f.err = f.read(); f.err == nil {
				entries += len(read)
				parts = append(parts, Part[T]{name, read})
			}
		}
		if f.err != nil && !(l.Stay && errors.Is(f.err, fs.ErrNotExist)) { // which find has reported
			failed = errors.Join(failed, fmt.Errorf("%s: %w", name, f.err))
		}
	}
	if entries > l.Most {
		failed = errors.Join(failed, l.TooMany)
	}
	return append(parts, l.gone(found, now)...), failed
}

// find returns the files and the pattern of each. Those that were there before stay if their directory cannot be read, or has
// too many.
func (l *Files[T]) find() (found map[string]string, failed error) {
	found = map[string]string{}
	for _, pattern := range l.Patterns {
		files, err := filepath.Glob(pattern)
		plain := !strings.ContainsAny(pattern, "*?[")
		if dir := filepath.Dir(pattern); err == nil && len(files) == 0 && !strings.ContainsAny(dir, "*?[") {
			_, err = os.ReadDir(dir)
		}
		if err == nil && len(files) == 0 && plain && l.Stay {
			err = fmt.Errorf("%s: no such file", pattern)
		}
		room := max(0, l.Most-len(found))
		if len(files) > room {
			err = fmt.Errorf("%s: %d files, of which %d are read: write several targets into a file", pattern, len(files), room)
		}
		if err != nil {
			failed = errors.Join(failed, err)
			for name, f := range l.known {
				if f.pattern == pattern {
					found[name] = pattern
				}
			}
		}
		for _, name := range files[:min(len(files), room)] {
			found[name] = pattern
		}
	}
	return found, failed
}

// gone returns files that are not there any more. One that is replaced may be missing for a moment.
func (l *Files[T]) gone(found map[string]string, now time.Time) (parts []Part[T]) {
	for name, f := range l.known {
		if _, there := found[name]; there {
			continue
		}
		if f.absent.IsZero() {
			f.absent = now
		}
		if now.Sub(f.absent) < steadyTime {
			l.unsettled = true
			continue
		}
		delete(l.known, name)
		parts = append(parts, Part[T]{File: name})
	}
	return parts
}

// changed reports whether to read a file.
func (l *Files[T]) changed(f *file[T], name string, all, first bool, now time.Time) bool {
	info, err := os.Stat(name)
	if err != nil {
		f.err, f.looked, f.info = err, nil, nil
		return false
	}
	if f.looked == nil || !same(f.looked, info) {
		f.replaced = f.looked != nil && !os.SameFile(f.looked, info) && info.Size() > 0
		f.looked, f.since = info, now
	}
	again := !f.again.IsZero() && !now.Before(f.again)
	if !all && !again && f.info != nil && same(f.info, info) {
		return false
	}
	if !first && now.Sub(f.since) < f.patience() {
		l.unsettled = true
		return false
	}
	f.info, f.again = info, time.Time{}
	if age := now.Sub(info.ModTime()); age >= 0 && age < raceTime {
		f.again = now.Add(raceTime)
	}
	return true
}

// patience is how long a file stays as it is before it counts as whole.
func (f *file[T]) patience() time.Duration {
	if f.replaced {
		return replacedTime
	}
	return steadyTime
}

func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
