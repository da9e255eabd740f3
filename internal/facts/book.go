package facts

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Key identifies a device by how it is reached. Its credentials may change.
type Key struct {
	Address string `json:"address"`
	Context string `json:"context,omitempty"`
	Engine  string `json:"context_engine_id,omitempty"`
}

// Record is a device as it is remembered.
type Record struct {
	Key
	Facts  *Facts    `json:"facts,omitempty"`  // nil until the device has answered
	Name   string    `json:"name,omitempty"`   // that it was given, and keeps
	Polled bool      `json:"polled,omitempty"` // under its address, before it has answered
	Gone   time.Time `json:"gone,omitzero"`    // since when no list has it

	asked bool
	stamp uint64
}

// memory is how long a device is remembered that no list has.
const memory = 24 * time.Hour

// Book remembers devices. It is not safe for concurrent use.
type Book struct {
	records map[Key]*Record
	names   map[string]Key
	stamp   uint64
}

// NewBook returns a book without devices.
func NewBook() *Book { return &Book{records: map[Key]*Record{}, names: map[string]Key{}} }

// Restore adds devices as Records had them.
func (b *Book) Restore(list []Record) {
	for i := range list {
		r := list[i]
		b.stamp++
		r.stamp = b.stamp
		b.records[r.Key] = &r
		if r.Name != "" {
			b.names[r.Name] = r.Key
		}
	}
}

// Records returns the devices that something is known of, sorted. Used are those that the list has; others are forgotten
// after a day.
func (b *Book) Records(used map[Key]bool, now time.Time) (list []Record) {
	for key, r := range b.records {
		switch {
		case used[key]:
			r.Gone = time.Time{}
		case r.Gone.IsZero():
			r.Gone = now
		case now.Sub(r.Gone) > memory:
			b.unname(r)
			delete(b.records, key)
			continue
		}
		if r.Facts != nil || r.Name != "" || r.Polled {
			list = append(list, *r)
		}
	}
	slices.SortFunc(list, func(x, y Record) int {
		return cmp.Or(cmp.Compare(x.Address, y.Address), cmp.Compare(x.Context, y.Context), cmp.Compare(x.Engine, y.Engine))
	})
	return list
}

// Empty reports whether no device is known.
func (b *Book) Empty() bool { return len(b.records) == 0 }

func (b *Book) record(key Key) *Record {
	r := b.records[key]
	if r == nil {
		r = &Record{Key: key}
		b.records[key] = r
	}
	return r
}

func (b *Book) change(r *Record) {
	b.stamp++
	r.stamp = b.stamp
}

// Get returns a copy of the record of a device, empty if there is none.
func (b *Book) Get(key Key) Record {
	if r := b.records[key]; r != nil {
		return *r
	}
	return Record{Key: key}
}

// Stamp changes whenever the record of a device does.
func (b *Book) Stamp(key Key) uint64 {
	if r := b.records[key]; r != nil {
		return r.stamp
	}
	return 0
}

// Poll notes that a device is polled under its address. It reports whether that is new.
func (b *Book) Poll(key Key) bool {
	r := b.record(key)
	if r.Polled {
		return false
	}
	r.Polled = true
	b.change(r)
	return true
}

// Ask reports whether a device is to be asked, which is once.
func (b *Book) Ask(key Key) bool {
	r := b.record(key)
	first := !r.asked && r.Facts == nil
	r.asked = true
	return first
}

// Learn notes facts of a device, and reports whether they are new.
func (b *Book) Learn(key Key, f *Facts) bool {
	r := b.record(key)
	if r.Facts != nil && *r.Facts == *f {
		return false
	}
	r.Facts = f
	b.change(r)
	return true
}

// Give names a device, which keeps the name. Another one that had it, and is in use no more, loses it.
func (b *Book) Give(key Key, name string) {
	r := b.record(key)
	if other, taken := b.names[name]; taken && other != key {
		b.records[other].Name = ""
		b.change(b.records[other])
	}
	b.unname(r)
	r.Name = name
	b.names[name] = key
	b.change(r)
}

func (b *Book) unname(r *Record) {
	if r.Name != "" && b.names[r.Name] == r.Key {
		delete(b.names, r.Name)
	}
	r.Name = ""
}

// Unname takes the names of all devices: they are named anew.
func (b *Book) Unname() { b.Rename(nil) }

// Names returns the devices by the names that they were given.
func (b *Book) Names() map[string]Key { return maps.Clone(b.names) }

// Rename gives devices the names that they had before, and takes all others.
func (b *Book) Rename(names map[string]Key) {
	for r := range maps.Values(b.records) {
		b.unname(r)
		b.change(r)
	}
	for name, key := range names {
		if r := b.records[key]; r != nil {
			r.Name = name
			b.names[name] = key
		}
	}
}
