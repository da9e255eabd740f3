package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/ledger"
	"trapline/internal/mute"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/shards"
	"trapline/internal/statedir"
)

// Reader reads the records. Those that cannot be read are put aside and reported.
type Reader struct {
	Store   ledger.Store // of the process
	Dir     *statedir.Dir
	Logger  *slog.Logger
	Damaged int // records that could not be read at the start

	Engine ledger.Store // of the shards of a cluster
	Shards *shards.Set  // nil without a cluster
}

// Records are the records at the start of a process.
type Records struct {
	Seq      uint64  // the last number of a row or an event
	Run      float64 // run time in seconds
	Alarms   map[string]*alarm.State
	Views    map[alarm.Place]*alarm.View
	Silences map[string]*mute.Silence
	Windows  []string                   // the maintenance windows that the journal has as begun
	Rows     map[string][]*queue.Row    // by receiver, the oldest first
	Sent     map[string]map[uint64]bool // rows that the process before may have sent, by receiver; see readSent
	Buried   Buried
	Entries  []journal.Event // that are not in the files of the journal
	Stored   Entries
	Unused   []ledger.Write // deletes records that are of no use any more

	References References

	events storedEvents
	shard  string
	shards *shards.Set
	last   uint64
	boots  int32
}

// kinds are the kinds of the outbox's records.
var kinds = []string{
	ledger.Alarm, ledger.Dead, ledger.Entry, ledger.Event, ledger.Out, ledger.Run, ledger.Sent, ledger.Number, ledger.Silence, ledger.View, ledger.Windows,
}

// Read reads all records of the process. last is the last entry in the files of the journal, boots are those of the process.
func (r *Reader) Read(last uint64, boots int32) (*Records, error) {
	all := &Records{last: last, boots: boots}
	damaged, err := r.readAll(context.Background(), all)
	r.Damaged += damaged
	return all, err
}

// ReadShard reads the records of a shard of the cluster.
func (r *Reader) ReadShard(ctx context.Context, shard string) (all *Records, damaged int, err error) {
	all = &Records{shard: shard}
	damaged, err = r.readAll(ctx, all)
	return all, damaged, err
}

func (r *Reader) readAll(ctx context.Context, all *Records) (damaged int, err error) {
	all.shards = r.Shards
	all.Alarms, all.Views, all.Silences = map[string]*alarm.State{}, map[alarm.Place]*alarm.View{}, map[string]*mute.Silence{}
	all.Rows, all.Buried, all.References, all.events = map[string][]*queue.Row{}, Buried{}, References{}, storedEvents{}
	if damaged, err = r.load(ctx, all.shard, kinds, all.read); err != nil {
		return damaged, err
	}
	for number := range all.events { // damage may have put their rows aside
		if all.References[number] == 0 {
			all.Unused = append(all.Unused, ledger.Write{Shard: all.shard, Key: ledger.Numbered(ledger.Event, number)})
		}
	}
	all.events = nil
	return damaged, nil
}

// Rows reads the rows of some receivers, the oldest first.
func (r *Reader) Rows(receivers []string) (rows map[string][]*queue.Row, err error) {
	prefixes := []string{ledger.Event}
	for _, name := range receivers {
		prefixes = append(prefixes, ledger.Of(ledger.Out, name))
	}
	rows = map[string][]*queue.Row{}
	for _, shard := range r.Shards.Names() {
		some := &Records{shard: shard, Rows: rows, References: References{}, events: storedEvents{}}
		if _, err := r.load(context.Background(), shard, prefixes, some.read); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// DeadLetters reads the dead letters of a receiver, the oldest first. numbers are theirs, of those in shards of a cluster.
func (r *Reader) DeadLetters(receiver string, numbers []uint64) (list []DeadLetter, err error) {
	prefix := ledger.Of(ledger.Dead, receiver)
	in := map[string]bool{shards.Local: true}
	for _, n := range numbers {
		in[r.Shards.OfNumber(n)] = true
	}
	for shard := range in {
		_, err := r.load(context.Background(), shard, []string{prefix}, func(key string, text []byte) error {
			d, err := readDead(strings.TrimPrefix(key, prefix), text)
			if err == nil && (r.Shards == nil || r.Shards.OfNumber(d.number) == shard) {
				list = append(list, d)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(list, func(a, b DeadLetter) int { return cmp.Compare(a.number, b.number) })
	return list, nil
}

// load reads records of a shard, and returns the number of those that it has put aside.
func (r *Reader) load(ctx context.Context, shard string, prefixes []string, read ledger.Each) (damaged int, err error) {
	from := r.Store
	if shard != shards.Local {
		from = r.Engine
	}
	err = ledger.Load(ctx, from, shard, prefixes, read)
	if found := (*ledger.Damage)(nil); errors.As(err, &found) {
		r.Dir.LogDamage(r.Logger)
		if shard != shards.Local {
			r.Logger.Error("records of a shard cannot be read, and are put aside", "shard", shard, "records", found.Keys)
		}
		return len(found.Keys), found.Err
	}
	return 0, err
}

// read reads a record.
func (a *Records) read(key string, text []byte) error {
	kind := key[:strings.IndexByte(key, '/')+1]
	name := key[len(kind):]
	switch kind {
	case ledger.Alarm:
		return a.alarm(name, text)
	case ledger.Dead:
		receiver, number := ledger.CutReceiver(name)
		d, err := readDead(number, text)
		if err == nil {
			a.Buried[receiver] = append(a.Buried[receiver], d.number)
		}
		return err
	case ledger.Entry:
		return a.entries(name, text)
	case ledger.Event:
		return a.events.read(name, text)
	case ledger.Out:
		return a.row(name, text)
	case ledger.Silence:
		return a.silence(name, text)
	case ledger.View:
		v := &alarm.View{}
		receiver, k := ledger.CutReceiver(name)
		if err := json.Unmarshal(text, v); err != nil {
			return err
		}
		a.Views[alarm.Place{Receiver: receiver, Key: k}] = v
	default:
		a.single(key, text)
	}
	return nil
}

// single reads a record that is alone of its kind. A damaged one is as none.
func (a *Records) single(key string, text []byte) {
	switch key {
	case ledger.Number:
		seq, _ := strconv.ParseUint(string(text), 10, 64)
		a.Seq = max(a.Seq, seq)
	case ledger.Run:
		if s, err := strconv.ParseFloat(string(text), 64); err == nil && s >= 0 && s < math.MaxInt32 {
			a.Run = s
		}
	case ledger.Sent:
		a.Sent = readSent(text, a.boots)
		a.Unused = append(a.Unused, ledger.Write{Shard: a.shard, Key: key})
	case ledger.Windows:
		if json.Unmarshal(text, &a.Windows) != nil {
			a.Windows = nil
		}
	}
}

func (a *Records) alarm(key string, text []byte) error {
	s := &alarm.State{}
	if err := json.Unmarshal(text, s); err != nil {
		return err
	}
	if len(s.Conditions) == 0 || s.ID == "" || slices.Contains(slices.Collect(maps.Values(s.In)), "") {
		return errors.New("an alarm without an ID, a condition or a key")
	}
	a.Alarms[key] = s
	return nil
}

func (a *Records) silence(id string, text []byte) error {
	s := &mute.Silence{}
	if err := json.Unmarshal(text, s); err != nil {
		return err
	}
	if s.ID != id || len(s.Matchers) == 0 || slices.Contains(s.Matchers, nil) {
		return errors.New("a silence without its ID or without matchers")
	}
	a.Silences[s.ID] = s
	return nil
}

func (a *Records) row(name string, text []byte) error {
	receiver, number := ledger.CutReceiver(name)
	row, err := a.events.row(number, text)
	if err != nil {
		return err
	}
	row.Shard = a.shard
	a.Rows[receiver] = append(a.Rows[receiver], row)
	a.Seq = max(a.Seq, a.shards.Counter(row.Seq())) // the stored number may be damaged
	a.References[row.EventSeq]++
	return nil
}

// entries reads the entries of a commit that are not yet in the files of the journal.
func (a *Records) entries(name string, text []byte) error {
	number, err := ledger.ParseNumber(name)
	if err != nil {
		return err
	}
	var e journal.Event
	var fresh []journal.Event
	for line := range bytes.Lines(text) {
		e = journal.Event{}
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		if e.Seq > a.last {
			fresh = append(fresh, e)
		}
	}
	if number != e.Seq {
		return fmt.Errorf("it has the number %d", e.Seq)
	}
	a.Entries, a.Stored = append(a.Entries, fresh...), append(a.Stored, number)
	return nil
}

// Shift adds to the run times of the records. None is after latest.
func (a *Records) Shift(by, latest float64) {
	shift := func(run *float64) {
		if *run != 0 {
			*run = min(*run+by, latest)
		}
	}
	for _, s := range a.Alarms {
		shift(&s.Run)
		for i := range s.Conditions {
			if c := &s.Conditions[i]; c.Lease != 0 {
				c.Lease += by
			}
		}
	}
	for _, v := range a.Views {
		shift(&v.Run)
	}
	for _, rows := range a.Rows {
		for _, r := range rows {
			shift(&r.Run)
		}
	}
	for _, s := range a.Silences {
		shift(&s.Clear)
	}
}

// Silences returns the silences among records; those that cannot be read are none.
func Silences(records map[string][]byte) map[string]*mute.Silence {
	all := &Records{Silences: map[string]*mute.Silence{}}
	for key, text := range records {
		if id, ok := strings.CutPrefix(key, ledger.Silence); ok {
			_ = all.silence(id, text)
		}
	}
	return all.Silences
}
