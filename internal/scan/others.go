package scan

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// others are the scans that have their journals beside that of this one. A device counts the failed logins of all: a login
// is noted while no other scan notes one, after their journals were read. Which credentials they tried is not known, as each
// scan has a salt of its own.
type others struct {
	patterns []string
	own      string
	logger   *slog.Logger
	now      func() time.Time
	lock     *os.File

	mu       sync.Mutex // before that of Scan
	journals map[string]*tail
	failed   bool // an error was logged
}

// tail is a journal that another scan appends to, and replaces now and then.
type tail struct {
	file    *os.File
	read    int64
	guards  map[netip.Addr]*Guard // with failed logins, or of devices that are left alone
	engines map[string]map[netip.Addr]Record
}

// of returns the addresses at which the other scan meets a device: it may be at others than this one.
func (t *tail) of(d *device) []netip.Addr {
	list := slices.Clone(d.members)
	for a, r := range t.engines[d.engine] {
		if r.Boots == d.boots && near(r.Booted, d.booted) && !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	return list
}

// openOthers returns nil if no other scan counts.
func openOthers(o *Options) (*others, error) {
	if len(o.Others) == 0 || o.File == "" {
		return nil, nil
	}
	file := filepath.Join(filepath.Dir(o.Others[0]), "logins.lock")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return &others{patterns: o.Others, own: o.File, logger: o.Logger, now: o.Now, lock: lock, journals: map[string]*tail{}}, nil
}

// alone calls f while no other scan is in a call, and all their logins are known. The error is that of ctx, or of the lock.
func (o *others) alone(ctx context.Context, f func()) error {
	if o == nil {
		f()
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.acquire(ctx); err != nil {
		o.report(ctx, err)
		return err
	}
	defer func() { _ = syscall.Flock(int(o.lock.Fd()), syscall.LOCK_UN) }()
	o.report(ctx, o.read(o.now()))
	f()
	return nil
}

// report logs the first error.
func (o *others) report(ctx context.Context, err error) {
	if err == nil || o.failed || ctx.Err() != nil {
		return
	}
	o.failed = true
	o.logger.Warn("the failed logins of another scan cannot be read", "err", err)
}

// lockTime is how long it takes at most to see that the lock is free.
const lockTime = time.Millisecond

func (o *others) acquire(ctx context.Context) error {
	for {
		err := syscall.Flock(int(o.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil || !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockTime):
		}
	}
}

// read reads what the journals have since the last call.
func (o *others) read(now time.Time) (failed error) {
	for _, pattern := range o.patterns {
		files, err := filepath.Glob(pattern)
		failed = errors.Join(failed, err)
		for _, file := range files {
			if file == o.own {
				continue
			}
			if err := o.readJournal(file, now); err != nil && !errors.Is(err, fs.ErrNotExist) {
				failed = errors.Join(failed, err)
			}
		}
	}
	return failed
}

func (o *others) readJournal(file string, now time.Time) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	t := o.journals[file]
	if t == nil && now.Sub(info.ModTime()) > failureMemory+maxHandsOff {
		return nil // nothing in it counts, and its file need not be open
	}
	if t != nil {
		had, err := t.file.Stat()
		if err == nil && os.SameFile(had, info) && info.Size() == t.read {
			return nil
		}
		if err != nil || !os.SameFile(had, info) {
			_ = t.file.Close()
			t = nil
		}
	}
	if t == nil {
		opened, err := os.Open(file)
		if err != nil {
			return err
		}
		t = &tail{file: opened, guards: map[netip.Addr]*Guard{}, engines: map[string]map[netip.Addr]Record{}}
		o.journals[file] = t
	}
	n, err := readLines(io.NewSectionReader(t.file, t.read, 1<<62), func(l *line) {
		if l.Guard != nil {
			for _, a := range l.Of {
				t.take(a, l.Guard, now)
			}
		}
		if r := l.Record; r != nil {
			t.take(r.Address, &r.Guard, now)
			if r.Engine != "" {
				if t.engines[r.Engine] == nil {
					t.engines[r.Engine] = map[netip.Addr]Record{}
				}
				t.engines[r.Engine][r.Address] = Record{Boots: r.Boots, Booted: r.Booted}
			}
		}
	})
	t.read += n
	return err
}

// take takes over the failed logins to an address, and until when it is left alone. The clock may have been ahead.
func (t *tail) take(a netip.Addr, g *Guard, now time.Time) {
	delete(t.guards, a)
	if len(g.Failed) == 0 && g.Until.IsZero() {
		return
	}
	taken := &Guard{Open: g.Open, Until: g.Until, HandsOff: g.HandsOff}
	if latest := now.Add(maxHandsOff); taken.Until.After(latest) {
		taken.Until = latest
	}
	for i, at := range g.Failed {
		if at.After(now) {
			at = now.Add(-time.Duration(i)) // not the same, which would count once
		}
		taken.Failed = append(taken.Failed, at)
	}
	t.guards[a] = taken
}

// add adds to the guard of a device what other scans know of it. Logins that began before a time have come to
// nothing; the later ones are under way, and left out unless they are wanted. The mutex is held.
func (o *others) add(g *Guard, d *device, since time.Time, wanted bool) {
	if o == nil {
		return
	}
	for _, t := range o.journals {
		for _, a := range t.of(d) {
			theirs := t.guards[a]
			if theirs == nil {
				continue
			}
			failed := theirs.Failed
			if n := len(failed); !wanted && theirs.Open != "" && n > 0 && failed[n-1].After(since) {
				failed = failed[:n-1]
			}
			g.merge(&Guard{Failed: failed, Until: theirs.Until, HandsOff: theirs.HandsOff})
		}
	}
}

// of returns what other scans knew of an address when a login was last noted.
func (o *others) of(a netip.Addr) (g Guard) {
	if o != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.add(&g, &device{members: []netip.Addr{a}}, time.Time{}, true)
	}
	return g
}

func (o *others) close() {
	if o == nil {
		return
	}
	for _, t := range o.journals {
		_ = t.file.Close()
	}
	_ = o.lock.Close()
}
