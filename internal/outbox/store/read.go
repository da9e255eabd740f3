package store

import (
	"bytes"
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
	"trapline/internal/statedir"
)

// Reader reads the records. Those that cannot be read are put aside and reported.
type Reader struct {
	Store   ledger.Store
	Dir     *statedir.Dir
	Logger  *slog.Logger
	Damaged int // records that could not be read at the start
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
	last   uint64
	boots  int32
}

// kinds are the kinds of the outbox's records.
var kinds = []string{
	ledger.Alarm, ledger.Dead, ledger.Entry, ledger.Event, ledger.Out, ledger.Run, ledger.Sent, ledger.Number, ledger.Silence, ledger.View, ledger.Windows,
}

// Read reads all records. last is the last entry in the files of the journal, boots are those of the process.
func (r *Reader) Read(last uint64, boots int32) (*Records, error) {
	all := &Records{
		Alarms: map[string]*alarm.State{}, Views: map[alarm.Place]*alarm.View{}, Silences: map[string]*mute.Silence{}, Rows: map[string][]*queue.Row{},
		Buried: Buried{}, References: References{}, events: storedEvents{}, last: last, boots: boots,
	}
	damaged, err := r.load(kinds, all.read)
	if err != nil {
		return nil, err
	}
	r.Damaged += damaged
	for number := range all.events { // damage may have put their rows aside
		if all.References[number] == 0 {
			all.Unused = append(all.Unused, ledger.Write{Key: ledger.Numbered(ledger.Event, number)})
		}
	}
	all.events = nil
	return all, nil
}

// Rows reads the rows of some receivers, the oldest first.
func (r *Reader) Rows(receivers []string) (rows map[string][]*queue.Row, err error) {
	some := &Records{Rows: map[string][]*queue.Row{}, References: References{}, events: storedEvents{}}
	prefixes := []string{ledger.Event}
	for _, name := range receivers {
		prefixes = append(prefixes, ledger.Of(ledger.Out, name))
	}
	_, err = r.load(prefixes, some.read)
	return some.Rows, err
}

// DeadLetters reads the dead letters of a receiver, the oldest first.
func (r *Reader) DeadLetters(receiver string) (list []DeadLetter, err error) {
	prefix := ledger.Of(ledger.Dead, receiver)
	_, err = r.load([]string{prefix}, func(key string, text []byte) error {
		d, err := readDead(strings.TrimPrefix(key, prefix), text)
		if err == nil {
			list = append(list, d)
		}
		return err
	})
	return list, err
}

// load reads records, and returns the number of those that it has put aside.
func (r *Reader) load(prefixes []string, read ledger.Each) (damaged int, err error) {
	err = ledger.Load(context.Background(), r.Store, "", prefixes, read)
	if found := (*ledger.Damage)(nil); errors.As(err, &found) {
		r.Dir.LogDamage(r.Logger)
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
		a.Unused = append(a.Unused, ledger.Write{Key: key})
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
	a.Rows[receiver] = append(a.Rows[receiver], row)
	a.Seq = max(a.Seq, row.Seq()) // the stored number may be damaged
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
