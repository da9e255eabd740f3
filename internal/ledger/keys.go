package ledger

import (
	"fmt"
	"strconv"
	"strings"
)

// The kinds of records. Those that end with a slash have a name, a number, or a receiver and one of these behind it:
// see Named, Numbered and Of. Events come before the rows that refer to them, and alarms before views.
const (
	Alarm   = "alarm/"   // active alarms, by key
	Alert   = "alert/"   // pending and firing alerts of rules, by the ID of their alarm
	Alive   = "alive"    // up to when rules missed no evaluation
	Apart   = "apart/"   // records of a single process that go to a cluster, by their keys
	Dead    = "dead/"    // events that were given up, by receiver and number of the row
	Entry   = "entry/"   // entries that are not yet in a file of the journal, by the number of the last
	Event   = "event/"   // events, by number
	Inhibit = "inhibit/" // active alarms that inhibit others, by key: all members of a cluster have a copy
	Inbox   = "in/"      // records on their way to the shard, by batch and key; without a key the header of a batch
	Given   = "given"    // how far the records that were set apart have come
	Look    = "look/"    // the rules that were evaluated for a target, by its name
	Out     = "out/"     // rows, by receiver and number
	Run     = "run"      // run time in seconds
	Sent    = "sent"     // rows that may have been sent
	Number  = "seq"      // the last number of a row or an event, in decimal
	Silence = "silence/" // silences, by ID
	To      = "to/"      // records of Inbox of another shard, by that shard, batch and key
	View    = "view/"    // alarms as receivers know them, by receiver and key
	Windows = "windows"  // maintenance windows that have begun
)

// OfProcess begins the names of batches of an Inbox that are of a single process.
const OfProcess = "process-"

// Named returns the key of a record by its name, which may be any text.
func Named(kind, name string) string { return kind + name }

// Of returns a kind as that of the records of a receiver. It ends with a slash too.
func Of(kind, receiver string) string { return kind + escaper.Replace(receiver) + "/" }

// Numbered returns the key of a record by its number. Keys of one kind are in the order of their numbers.
func Numbered(kind string, n uint64) string {
	const width = 16
	var b [width]byte
	digits := strconv.AppendUint(b[:0], n, 16)
	return kind + zeros[:width-len(digits)] + string(digits)
}

const zeros = "0000000000000000"

// ParseNumber returns the number in a key that Numbered made, without the kind.
func ParseNumber(text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 16, 64)
	if err != nil || Numbered("", n) != text {
		return 0, fmt.Errorf("%q is no number of a record", text)
	}
	return n, nil
}

// CutReceiver splits what is behind the kind of a record of a receiver.
func CutReceiver(text string) (receiver, name string) {
	receiver, name, _ = strings.Cut(text, "/")
	return unescaper.Replace(receiver), name
}

// Names of receivers are escaped, because a name or a number follows. What ends a key is not.
var (
	escaper   = strings.NewReplacer("%", "%25", "/", "%2F")
	unescaper = strings.NewReplacer("%25", "%", "%2F", "/")
)
