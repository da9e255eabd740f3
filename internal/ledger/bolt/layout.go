package bolt

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.etcd.io/bbolt"

	"trapline/internal/ledger"
	"trapline/internal/statedir"
)

// layout is where the records of a kind are in the database.
type layout struct {
	kind     string
	bucket   string
	record   string // the key in the bucket, of a record that is alone of its kind
	nested   bool   // the bucket has a bucket for each receiver
	numbered bool   // keys are 8 octets, big-endian
	full     bool   // see fullPages
	lenient  bool   // a value that cannot be read is none
	form     form
}

// layouts are in the order of the kinds.
var layouts = []layout{
	{kind: ledger.Alarm, bucket: "alarms", form: sealed},
	{kind: ledger.Alert, bucket: "rules", form: sealed},
	{kind: ledger.Alive, bucket: "rules_meta", record: "alive", form: sealed},
	{kind: ledger.Apart, bucket: "apart", form: sealed},
	{kind: ledger.Dead, bucket: "dead", nested: true, numbered: true, form: sealed},
	{kind: ledger.Entry, bucket: "journal", numbered: true, form: sealed},
	{kind: ledger.Event, bucket: "events", numbered: true, full: true, form: sealed},
	{kind: ledger.Given, bucket: "meta", record: "given", form: sealed},
	{kind: ledger.Look, bucket: "rules_looks", form: sealed},
	{kind: ledger.Out, bucket: "outbox", nested: true, numbered: true, full: true, form: sealed},
	{kind: ledger.Run, bucket: "meta", record: "run_seconds", lenient: true, form: float},
	{kind: ledger.Sent, bucket: "meta", record: "sent", lenient: true, form: sealed},
	{kind: ledger.Number, bucket: "meta", record: "seq", lenient: true, form: integer},
	{kind: ledger.Silence, bucket: "silences", form: sealed},
	{kind: ledger.View, bucket: "views", nested: true, form: sealed},
	{kind: ledger.Windows, bucket: "meta", record: "maintenance", lenient: true, form: sealed},
}

var byKind = func() map[string]*layout {
	all := map[string]*layout{}
	for i := range layouts {
		all[layouts[i].kind] = &layouts[i]
	}
	return all
}()

// layoutOf returns the layout of a record, nil if there is none.
func layoutOf(key string) *layout {
	if at := strings.IndexByte(key, '/'); at >= 0 {
		key = key[:at+1]
	}
	return byKind[key]
}

// group returns what the keys of the records of a bucket begin with.
func (l *layout) group(receiver string) string {
	if l.nested {
		return ledger.Of(l.kind, receiver)
	}
	return l.kind
}

// open returns the bucket of records that were read.
func (l *layout) open(tx *bbolt.Tx, receiver string) *bbolt.Bucket {
	b := tx.Bucket([]byte(l.bucket))
	if l.nested {
		b = b.Bucket([]byte(receiver))
	}
	return b
}

// split splits a key into the group and the name in its bucket.
func (l *layout) split(key string) (group, name string) {
	at := len(l.kind)
	if l.nested {
		at += strings.IndexByte(key[at:], '/') + 1
	}
	return key[:at], key[at:]
}

// key returns the key in the bucket.
func (l *layout) key(name string) ([]byte, error) {
	switch {
	case l.record != "":
		return []byte(l.record), nil
	case !l.numbered:
		return []byte(name), nil
	}
	n, err := ledger.ParseNumber(name)
	return binary.BigEndian.AppendUint64(nil, n), err
}

// name returns the name of a record by its key in the bucket.
func (l *layout) name(key []byte) (string, error) {
	switch {
	case l.record != "":
		return "", nil
	case !l.numbered:
		return string(key), nil
	case len(key) != 8:
		return string(key), fmt.Errorf("a key of %d octets", len(key))
	}
	return ledger.Numbered("", binary.BigEndian.Uint64(key)), nil
}

// form is how values are stored.
type form struct {
	encode func(key, text []byte) (value []byte, err error)
	decode func(key, value []byte) (text []byte, err error)
}

var sealed = form{
	encode: func(key, text []byte) ([]byte, error) { return statedir.Seal(key, text), nil },
	decode: statedir.Unseal,
}

// integer has 8 octets for a number in decimal.
var integer = form{
	encode: func(_, text []byte) ([]byte, error) {
		n, err := strconv.ParseUint(string(text), 10, 64)
		return binary.BigEndian.AppendUint64(nil, n), err
	},
	decode: func(_, value []byte) ([]byte, error) {
		n, err := octets(value)
		return strconv.AppendUint(nil, n, 10), err
	},
}

// float has the 8 octets of a float64 for a number in decimal.
var float = form{
	encode: func(_, text []byte) ([]byte, error) {
		f, err := strconv.ParseFloat(string(text), 64)
		return binary.BigEndian.AppendUint64(nil, math.Float64bits(f)), err
	},
	decode: func(_, value []byte) ([]byte, error) {
		n, err := octets(value)
		return strconv.AppendFloat(nil, math.Float64frombits(n), 'g', -1, 64), err
	},
}

func octets(value []byte) (uint64, error) {
	if len(value) != 8 {
		return 0, fmt.Errorf("a number of %d octets", len(value))
	}
	return binary.BigEndian.Uint64(value), nil
}
