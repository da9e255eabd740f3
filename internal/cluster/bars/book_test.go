package bars

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trapline/internal/snmp"
)

// word is an event about an alarm, as it came first.
type word struct {
	at      time.Time
	event   string
	raise   bool
	segment int
}

// receipt is a notification, however often it came.
type receipt struct {
	at    time.Time
	from  int // member
	event string
	own   bool // about the quorum
	first time.Time
}

// span is a time in which something was done to the members.
type span struct {
	from, to time.Time
	text     string
	blind    bool // there was no quorum: transitions that came and went in it need not be sent
}

// book has all that a receiver was sent.
type book struct {
	later    atomic.Int64 // nanoseconds from an inform to its acknowledgement
	mu       sync.Mutex
	words    map[int][]word // by alarm
	known    map[string]time.Time
	receipts []receipt
	strange  []string
}

func newBook() *book { return &book{words: map[int][]word{}, known: map[string]time.Time{}} }

const receiverPort = 16162

// startReceiver acknowledges informs, and keeps them in their order.
func startReceiver(t *testing.T) *book {
	t.Helper()
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(hub, receiverPort)))
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadBuffer(4 << 20)
	b := newBook()
	ended := make(chan struct{})
	go func() { defer close(ended); b.run(c) }()
	t.Cleanup(func() { c.Close(); <-ended })
	return b
}

func (b *book) run(c *net.UDPConn) {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		m, err := snmp.ParseMessage(bytes.Clone(buf[:n]))
		if err != nil || m.PDU != snmp.InformRequest {
			b.odd("no inform: % x", buf[:n])
			continue
		}
		b.receive(time.Now(), memberOf(from.Addr()), m.VarBinds)
		m.PDU = snmp.Response
		answer := snmp.AppendMessage(nil, &m)
		time.AfterFunc(time.Duration(b.later.Load()), func() { _, _ = c.WriteToUDPAddrPort(answer, from) })
	}
}

// answerAfter has informs acknowledged later.
func (b *book) answerAfter(later time.Duration) { b.later.Store(int64(later)) }

func (b *book) odd(format string, a ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.strange) < 100 {
		b.strange = append(b.strange, fmt.Sprintf(format, a...))
	}
}

// The positions of objects in an alarm's notification by TRAPLINE-MIB, after sysUpTime and snmpTrapOID.
const (
	atKind   = 1
	atEvent  = 3
	atRule   = 6
	atTarget = 7
	atValue  = 13
)

func (b *book) receive(at time.Time, from int, list []byte) {
	var values [atValue + 1]snmp.VarBind
	for i := 0; i < len(values) && len(list) > 0; i++ {
		var err error
		if values[i], list, err = snmp.CutVarBind(list); err != nil {
			b.odd("%v", err)
			return
		}
	}
	kind := snmp.OID(values[atKind].Value)
	if len(kind) == 0 || kind[len(kind)-1] > 3 {
		b.odd("%v: a notification of kind %v", at, kind)
		return
	}
	b.note(at, from, string(values[atEvent].Value), kind[len(kind)-1] == 1, string(values[atRule].Value), string(values[atTarget].Value), string(values[atValue].Value))
}

// note keeps a notification.
func (b *book) note(at time.Time, from int, event string, raise bool, rule, target, value string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	first, known := b.known[event]
	if !known {
		first = at
		b.known[event] = at
	}
	own := rule == ownRule
	b.receipts = append(b.receipts, receipt{at, from, event, own, first})
	if own || known {
		return
	}
	alarm, segment := -1, 0
	ok := false
	if _, err := fmt.Sscanf(target, "flap-%d", &alarm); err == nil && rule == rule200 {
		segment, ok = segmentOf(value)
	}
	if !ok || raise != (segment%2 == 1) {
		b.strange = append(b.strange, fmt.Sprintf("event %s: %s of %s, raise %v, value %s", event, rule, target, raise, value))
		return
	}
	b.words[alarm] = append(b.words[alarm], word{at, event, raise, segment})
}

const rule200, ownRule = "Flap", "TraplineWithoutQuorum"

// judge compares the words with the truth. After rest, at the time now, the last word about each alarm must be true.
func (b *book) judge(t *truth, spans []span, now time.Time) (violations []string, seen int, delays []time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fault := func(format string, a ...any) { violations = append(violations, fmt.Sprintf(format, a...)) }
	violations = append(violations, b.strange...)
	for alarm := range t.begins {
		words, last := b.words[alarm], 0
		sent := map[int]bool{}
		seen += len(words)
		for _, w := range words {
			switch {
			case w.segment == 0 || w.segment > len(t.begins[alarm]) || w.at.Before(t.begun(alarm, w.segment)):
				fault("alarm %d: %s before it was true", alarm, w)
				continue
			case w.segment <= last:
				fault("alarm %d: %s after the segment %d (%s)", alarm, w, last, near(spans, w.at))
			case w.raise == (last%2 == 1):
				fault("alarm %d: %s after another one, of %d (%s)", alarm, w, last, near(spans, w.at))
			}
			last = max(last, w.segment)
			sent[w.segment] = true
			delays = append(delays, w.at.Sub(t.begun(alarm, w.segment)))
		}
		known := 0 // the last segment before that was sent
		for k := 1; k <= t.segment(alarm, now); k++ {
			if sent[k] {
				known = k
				continue
			}
			from, to := t.begun(alarm, k), now
			if k < t.segment(alarm, now) {
				to = t.begun(alarm, k+1)
			}
			if known%2 != k%2 && !overlaps(spans, from, to) {
				fault("alarm %d: its segment %d, from %s to %s, was not sent (%s)", alarm, k, clock(from), clock(to), near(spans, from))
			}
		}
		if is := t.segment(alarm, now); is%2 != known%2 {
			fault("alarm %d: the last word is of the segment %d, and it is in %d", alarm, known, is)
		}
	}
	for alarm := range b.words {
		if alarm < 0 || alarm >= len(t.begins) {
			fault("a word about an alarm %d", alarm)
		}
	}
	return append(violations, b.repeated(spans)...), seen, delays
}

// again returns the events that came again although they were not in flight.
func (b *book) again(spans []span) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.repeated(spans)
}

func (b *book) repeated(spans []span) (violations []string) {
	for _, r := range b.receipts {
		if !r.own && r.at.Sub(r.first) > ordinary && !inFlight(spans, r.first) {
			violations = append(violations, fmt.Sprintf("event %s came first at %s and again at %s: it was not in flight (%s)", r.event, clock(r.first), clock(r.at), near(spans, r.at)))
		}
	}
	return violations
}

func (w word) String() string {
	kind := "clear"
	if w.raise {
		kind = "raise"
	}
	return fmt.Sprintf("%s of the segment %d at %s (%s)", kind, w.segment, clock(w.at), w.event)
}

func clock(t time.Time) string { return t.Format("15:04:05.000") }

const (
	// ordinary is how late the copies of one delivery come.
	ordinary = 7 * time.Second
	// flight is how long an event is in flight: until it is acknowledged and this is committed.
	flight = 3 * time.Second
	// settling is how long after the end of a fault its effects last.
	settling = 15 * time.Second
)

// inFlight reports whether an event that came first at a time was in flight during a fault.
func inFlight(spans []span, first time.Time) bool {
	return slices.ContainsFunc(spans, func(s span) bool {
		return first.After(s.from.Add(-flight)) && first.Before(s.to.Add(settling))
	})
}

// overlaps reports whether there was no quorum for some of the time.
func overlaps(spans []span, from, to time.Time) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return s.blind && from.Before(s.to.Add(settling)) && to.After(s.from) })
}

// near names the fault before a time.
func near(spans []span, at time.Time) string {
	for _, s := range slices.Backward(spans) {
		if at.After(s.from) {
			return fmt.Sprintf("%v after the begin of: %s", at.Sub(s.from).Round(time.Millisecond), s.text)
		}
	}
	return "before any fault"
}

// behind returns the alarms whose last word is not true, although that has been so for a while.
func (b *book) behind(t *truth, now time.Time, while time.Duration) (list []int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for alarm := range t.begins {
		last := 0
		if words := b.words[alarm]; len(words) > 0 {
			last = words[len(words)-1].segment
		}
		if is := t.segment(alarm, now); is%2 != last%2 && now.Sub(t.begun(alarm, is)) > while {
			list = append(list, alarm)
		}
	}
	return list
}

// sentBy returns the receipts from a member in a time; but those about the quorum, and those.
func (b *book) sentBy(member int, from, to time.Time) (list, own []receipt) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.receipts {
		if r.from == member && r.at.After(from) && r.at.Before(to) {
			if r.own {
				own = append(own, r)
			} else {
				list = append(list, r)
			}
		}
	}
	return list, own
}

// repeats counts the notifications that came again.
func (b *book) repeats() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.receipts) - len(b.known)
}

// middle returns the median, the 99th percentile and the most.
func middle(list []time.Duration) string {
	if len(list) == 0 {
		return "none"
	}
	list = slices.Sorted(slices.Values(list))
	at := func(share float64) time.Duration {
		return list[min(len(list)-1, int(share*float64(len(list))))].Round(10 * time.Millisecond)
	}
	return fmt.Sprintf("%v (p50), %v (p99), %v at most", at(.5), at(.99), at(1))
}

func summary(violations []string) string {
	const most = 20
	text := strings.Join(violations[:min(len(violations), most)], "\n")
	if len(violations) > most {
		text += fmt.Sprintf("\nand %d more", len(violations)-most)
	}
	return text
}

// The judge accepts a history in which each segment is sent once, and finds each kind of fault in it.
func TestTheJudge(t *testing.T) {
	begin := time.Unix(1e9, 0)
	const alarms = 20
	truth := drawTruth(1, alarms, begin, 10*time.Minute)
	end := begin.Add(11 * time.Minute)
	type sent struct {
		at    time.Time
		event string
		alarm int
		k     int
	}
	history := func() (list []sent) {
		for alarm, begins := range truth.begins {
			for i, at := range begins {
				list = append(list, sent{at.Add(5 * time.Second), fmt.Sprint(alarm, "-", i), alarm, i + 1})
			}
		}
		slices.SortFunc(list, func(a, b sent) int { return a.at.Compare(b.at) })
		return list
	}
	judged := func(list []sent, spans ...span) []string {
		b := newBook()
		slices.SortStableFunc(list, func(a, b sent) int { return a.at.Compare(b.at) })
		for _, s := range list {
			b.note(s.at, 0, s.event, s.k%2 == 1, rule200, fmt.Sprintf("flap-%d", s.alarm), fmt.Sprint(value(s.k)))
		}
		v, _, _ := b.judge(truth, spans, end)
		return v
	}
	if v := judged(history()); len(v) > 0 {
		t.Errorf("a history without a fault:\n%s", summary(v))
	}
	blind := span{begin.Add(2 * time.Minute), begin.Add(4 * time.Minute), "no quorum", true}
	for name, change := range map[string]func([]sent) []sent{
		"one is missing":        func(l []sent) []sent { return slices.Delete(l, 50, 51) },
		"the last are missing":  func(l []sent) []sent { return l[:len(l)-5] },
		"sent under another ID": func(l []sent) []sent { l[50].event = "x"; return append(l, history()[50]) },
		"repeated late": func(l []sent) []sent {
			again := l[50]
			again.at = again.at.Add(9 * time.Second)
			return append(l, again)
		},
		"two in the other order": func(l []sent) []sent {
			for i, s := range l {
				for j, o := range l[i+1:] {
					if o.alarm == s.alarm && i > 20 {
						l[i].at, l[i+1+j].at = o.at, o.at.Add(-time.Millisecond)
						l[i].at = o.at
						return l
					}
				}
			}
			return l
		},
		"sent before it was true": func(l []sent) []sent { l[50].at = l[50].at.Add(-6 * time.Second); return l },
	} {
		if v := judged(change(history())); len(v) == 0 {
			t.Errorf("not found: %s", name)
		}
	}
	// Without a quorum, pairs of transitions may be missing.
	if v := judged(skipPairs(history(), func(s sent) (int, int, time.Time) { return s.alarm, s.k, s.at }, blind), blind); len(v) > 0 {
		t.Errorf("pairs without a quorum:\n%s", summary(v))
	}
}

// skipPairs leaves out two segments in a row of each alarm that lie in a span.
func skipPairs[S any](list []S, of func(S) (alarm, k int, at time.Time), in span) (kept []S) {
	skipped := map[int][]int{}
	for _, s := range list {
		alarm, k, at := of(s)
		if at.After(in.from) && at.Before(in.to) && len(skipped[alarm]) < 2 {
			skipped[alarm] = append(skipped[alarm], k)
		}
	}
	maps.DeleteFunc(skipped, func(_ int, ks []int) bool { return len(ks) < 2 })
	for _, s := range list {
		if alarm, k, _ := of(s); !slices.Contains(skipped[alarm], k) {
			kept = append(kept, s)
		}
	}
	return kept
}
