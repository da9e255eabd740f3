// Package reason says in words why something is missing from a poll, and how to repair it. Pages, the API, the
// command line and the log take their words from here.
package reason

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"trapline/internal/access"
	"trapline/internal/human"
)

// Facts fill the placeholders in the text of a failure. Unknown ones are zero.
type Facts struct {
	Reason   access.Reason
	Part     bool   // the target answered, and only a part is missing
	Target   string // its name, or its address where it has none
	Address  string // as written
	Host     string // of Address, without transport and port
	Port     string
	Auth     string // the name of the auth
	User     string
	Level    string // security level
	Context  string
	Requests int // that were sent, retransmissions included
	Took     time.Duration
	Interval time.Duration
	Timeout  time.Duration // of one request
	Arrived  int           // columns of Columns that arrived whole
	Columns  int
	Table    string // name or OID of the partial table
	Row      string // the last row of it that arrived; "" when none did
	Dropped  bool   // nothing of Table counts
	Detail   string // from the error
	// Discovered reports of a timeout that the SNMPv3 engine answered a discovery: requests of the user are dropped.
	Discovered bool
	Webhook    bool // a receiver of messages by HTTP
}

// Words are a failure in words.
type Words struct {
	Reason access.Reason
	Text   string // one or more sentences; the first stands alone
	Remedy string
	Table  string
	Row    string
	Step   Step // that fails, where the failure is the target's
}

// Of returns the words for facts.
func Of(f *Facts) Words {
	e, known := table[f.Reason]
	switch {
	case f.Reason == access.Timeout && f.Discovered && !f.Part:
		e = f.dropped()
	case !known:
		e = entry{whole: "The poll failed: {detail}.", part: "{partial}: {detail}.", remedy: "See the log."}
	}
	w := Words{Reason: f.Reason, Table: f.Table, Row: f.Row, Step: cmp.Or(e.step, View)}
	text, remedy := e.whole, e.remedy
	if f.Part && e.part != "" || e.whole == "" {
		text = e.part
	}
	if f.Part && e.partRemedy != "" {
		remedy = e.partRemedy
	}
	w.Text, w.Remedy = f.fill(text), f.fill(remedy)
	return w
}

// First returns the first sentence of Text without its period.
func (w *Words) First() string {
	text, _, _ := strings.Cut(w.Text, ". ")
	return strings.TrimSuffix(text, ".")
}

// fill puts facts in the places of {names}.
func (f *Facts) fill(text string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		b.WriteString(f.value(name))
		text = after
	}
}

func (f *Facts) value(name string) string {
	switch name {
	case "target":
		return f.Target
	case "address":
		return f.Address
	case "host":
		return f.Host
	case "port":
		return f.Port
	case "auth":
		return f.Auth
	case "user":
		return strconv.Quote(f.User)
	case "level":
		return f.Level
	case "context":
		return strconv.Quote(f.Context)
	case "suspects":
		if f.User != "" {
			return "An access list"
		}
		return "A wrong community or an access list"
	case "requests":
		if f.Requests == 0 {
			return "any request"
		}
		return human.Counted(f.Requests, "request")
	case "took":
		return human.Duration(f.Took)
	case "interval":
		return human.Duration(f.Interval)
	case "timeout":
		return human.Duration(f.Timeout)
	case "arrived":
		if f.Columns == 0 {
			return "not everything arrived"
		}
		return fmt.Sprintf("%s of %s columns arrived", human.Grouped(f.Arrived), human.Grouped(f.Columns))
	case "partial":
		return f.partial()
	case "table":
		return f.Table
	case "detail":
		return f.detail()
	}
	return "{" + name + "}"
}

// partial says how much of the table is there.
func (f *Facts) partial() string {
	switch {
	case f.Table == "":
		return "Something is missing"
	case f.Dropped:
		return f.Table + " is dropped"
	case f.Row == "":
		return f.Table + " is missing"
	}
	return f.Table + " is partial after row " + f.Row
}

const maxDetail = 300 // octets

func (f *Facts) detail() string {
	if f.Detail == "" {
		return "no details are known"
	}
	return cut(f.Detail, maxDetail)
}

// cut shortens text to at most so many octets, at the beginning of a character.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	const ellipsis = "…"
	end := max(most-len(ellipsis), 0)
	for end > 0 && text[end]&0xc0 == 0x80 {
		end--
	}
	return text[:end] + ellipsis
}

// Cut shortens the words' first sentence to at most so many octets.
func (w *Words) Cut(most int) string { return cut(w.First(), max(most, len("…"))) }
