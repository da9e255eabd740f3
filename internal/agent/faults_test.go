package agent

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/snmp"
)

// sent records the responses and their times.
type sent struct {
	answers []string
	times   []time.Duration
	began   time.Time
}

func (s *sent) write(answer []byte, _ *peer) {
	s.answers = append(s.answers, string(answer))
	s.times = append(s.times, time.Since(s.began))
}

var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// pass has a device with faults answer n simultaneous requests with different request-ids.
func pass(t *testing.T, f Faults, n int) (*sent, *delayQueue) {
	t.Helper()
	made, l, out := newFaulty(&f, 0), newDelayQueue(), &sent{}
	for i := range n {
		if !made.ignores() {
			made.deliver(l, delivery{out: out, data: response(int32(i))}, now, 10)
		}
	}
	return out, l
}

func response(id int32) []byte {
	return snmp.AppendMessage(nil, &snmp.Message{Version: snmp.V2c, Community: []byte("public"), PDU: snmp.Response, RequestID: id})
}

// ids returns the request-ids of the responses, -1 for those that are malformed.
func (s *sent) ids() []int32 {
	var ids []int32
	for _, a := range s.answers {
		m, err := snmp.ParseMessage([]byte(a))
		if err != nil {
			m.RequestID = -1
		}
		ids = append(ids, m.RequestID)
	}
	return ids
}

func TestShares(t *testing.T) {
	const n = 1000
	intact := func(s *sent) int {
		whole := 0
		for i, a := range s.answers {
			if a == string(response(int32(i))) {
				whole++
			}
		}
		return whole
	}
	for _, test := range []struct {
		name     string
		faults   Faults
		from, to int
		count    func(*sent) int
	}{
		{"dead", Faults{Dead: true}, 0, 0, func(s *sent) int { return len(s.answers) }},
		{"loss", Faults{Loss: 0.3}, 650, 750, func(s *sent) int { return len(s.answers) }},
		{"duplicate", Faults{Duplicate: 0.3}, 1250, 1350, func(s *sent) int { return len(s.answers) }},
		{"truncate", Faults{Truncate: 0.3}, 650, 750, intact},
		{"garbage", Faults{Garbage: 0.3}, 650, 750, intact},
		{"corrupt", Faults{Corrupt: 0.3}, 650, 760, intact},
		{"wrong request-id", Faults{WrongID: 0.3}, 650, 750, intact},
		{"huge length", Faults{HugeLength: 0.3}, 650, 750, intact},
	} {
		first, _ := pass(t, test.faults, n)
		again, _ := pass(t, test.faults, n)
		if got := test.count(first); got < test.from || got > test.to {
			t.Errorf("%s: %d of %d, want %d to %d", test.name, got, n, test.from, test.to)
		}
		if !slices.Equal(first.answers, again.answers) {
			t.Errorf("%s: another run has another course", test.name)
		}
		test.faults.Seed = 1
		if other, _ := pass(t, test.faults, n); !test.faults.Dead && slices.Equal(first.answers, other.answers) {
			t.Errorf("%s: another seed has the same course", test.name)
		}
	}
}

func TestWrongIDIsOtherwiseSound(t *testing.T) {
	s, _ := pass(t, Faults{WrongID: 1}, 1)
	if id := s.ids()[0]; id == 0 || id == -1 {
		t.Errorf("request-id %d", id)
	}
}

func TestHugeLengthClaimsMoreThanThereIs(t *testing.T) {
	s, _ := pass(t, Faults{HugeLength: 1}, 1)
	if !strings.HasPrefix(s.answers[0], "\x30\x84\x7f\xff\xff\xff\x02\x01\x01") {
		t.Errorf("% x", s.answers[0])
	}
}

func TestReorderSwapsNeighbors(t *testing.T) {
	s, _ := pass(t, Faults{Reorder: 1}, 6)
	if got, want := s.ids(), []int32{1, 0, 3, 2, 5, 4}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestSerialDeviceTakesItsTimeAndLosesWhatItCannotQueue(t *testing.T) {
	_, l := pass(t, Faults{PerVarBind: 50 * time.Microsecond, Queue: 10}, 100)
	var dues []time.Duration
	for len(l.queue) > 0 {
		var unused time.Time
		dues = append(dues, l.pop(now.Add(time.Hour), &unused).due.Sub(now))
	}
	var want []time.Duration
	for i := range 11 { // one in progress and ten in the queue
		want = append(want, time.Duration(i+1)*500*time.Microsecond)
	}
	if !slices.Equal(dues, want) {
		t.Errorf("got %v\nwant %v", dues, want)
	}
}

func TestSerialDeviceRecovers(t *testing.T) {
	f := newFaulty(&Faults{PerVarBind: time.Millisecond, Queue: 1}, 0)
	for _, step := range []struct {
		at, due time.Duration // due 0: lost
	}{{0, 10}, {0, 20}, {0, 0}, {9, 0}, {10, 30}, {100, 110}} {
		due, ok := f.finish(now.Add(step.at*time.Millisecond), 10)
		if want := now.Add(step.due * time.Millisecond); ok != (step.due > 0) || ok && due != want {
			t.Errorf("a request at %d ms is done at %s, %v", step.at, due, ok)
		}
	}
}

func TestLatencyDelaysAnswersAndNotEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, out := newDelayQueue(), &sent{began: time.Now()}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- l.run(ctx) }()
		for i, latency := range []time.Duration{300, 20, 100, 0, 20} {
			f := newFaulty(&Faults{Latency: latency * time.Millisecond, Seed: 1}, 0)
			f.deliver(l, delivery{out: out, data: response(int32(i))}, time.Now(), 1)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got, want := out.ids(), []int32{3, 1, 4, 2, 0}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		for i, want := range []time.Duration{0, 20, 20, 100, 300} {
			if out.times[i] != want*time.Millisecond {
				t.Errorf("answer %d left after %s, want %d ms", i, out.times[i], want)
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestJitterStaysInItsBounds(t *testing.T) {
	_, l := pass(t, Faults{Latency: 100 * time.Millisecond, Jitter: 50 * time.Millisecond}, 500)
	var least, most time.Duration = time.Hour, 0
	for _, d := range l.queue {
		least, most = min(least, d.due.Sub(now)), max(most, d.due.Sub(now))
	}
	if least < 100*time.Millisecond || least > 105*time.Millisecond || most > 150*time.Millisecond || most < 145*time.Millisecond {
		t.Errorf("answers after %s to %s", least, most)
	}
}

func TestWaitingAnswersAreBounded(t *testing.T) {
	_, l := pass(t, Faults{Latency: time.Second}, maxDelayed+10)
	if len(l.queue) != maxDelayed {
		t.Errorf("%d answers wait", len(l.queue))
	}
}

func TestFailuresAndLoops(t *testing.T) {
	column := snmp.MustParseOID("1.3.6.1.2.1")
	for _, test := range []struct {
		name, command string
		faults        Faults
		want          string
	}{
		{"get before the failure", "2c public get 1.3.6.1.1.3.0", Faults{FailFrom: column}, "1.3.6.1.1.3.0=100"},
		{"get", "2c public get 1.3.6.1.1.3.0 1.3.6.1.2.1.2", Faults{FailFrom: column},
			"genErr at 2: 1.3.6.1.1.3.0=NULL 1.3.6.1.2.1.2=NULL"},
		{"next", "2c public next 1.3.6.1.1.3.0", Faults{FailFrom: column}, "genErr at 1: 1.3.6.1.1.3.0=NULL"},
		{"next beyond the end", "2c public next 1.3.7", Faults{FailFrom: column}, "genErr at 1: 1.3.7=NULL"},
		{"bulk", "2c public bulk 1 5 1.3.6.1.1.1 1.3.6.1.1.1", Faults{FailFrom: column, FailStatus: snmp.NoAccess},
			"noAccess at 2: 1.3.6.1.1.1=NULL 1.3.6.1.1.1=NULL"},
		{"the same again", "2c public next 1.3.6.1.2.1.2", Faults{LoopAfter: snmp.MustParseOID("1.3.6.1.2.1.2")}, "1.3.6.1.2.1.2=12"},
		{"back by one", "2c public next 1.3.6.1.2.1.2", Faults{LoopAfter: snmp.MustParseOID("1.3.6.1.2.1.5"), LoopBack: 1}, "1.3.6.1.2.1.1=11"},
		{"back further than there is", "2c public next 1.3.6.1.2.1.2", Faults{LoopAfter: column, LoopBack: 100}, "1.3.6.1.2.2.1=21"},
		{"bulk in circles", "2c public bulk 0 5 1.3.6.1.2.1", Faults{LoopAfter: snmp.MustParseOID("1.3.6.1.2.1.2"), LoopBack: 1},
			"1.3.6.1.2.1.1=11 1.3.6.1.2.1.2=12 1.3.6.1.2.1.1=11 1.3.6.1.2.1.2=12 1.3.6.1.2.1.1=11"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := record(t, small...).Serve(local(1))
			d.Faults = test.faults
			c := dial(t, start(t, d).Addr(0))
			c.send(request(t, 1, test.command))
			if got := show(t, c.next()); got != test.want {
				t.Errorf("%s\ngot  %s\nwant %s", test.command, got, test.want)
			}
		})
	}
}

func TestFaultsOverTheNetwork(t *testing.T) {
	d := record(t, small...).Serve(local(1))
	other := record(t, small...).Serve(local(2)) // makes the socket shared
	d.Faults = Faults{Latency: time.Millisecond, PerVarBind: time.Microsecond, Duplicate: 1}
	c := dial(t, start(t, d, other).Addr(0))
	asked := request(t, 1, "2c public get 1.3.6.1.1.3.0")
	c.send(asked)
	first, second := c.next(), c.next()
	if got := show(t, first); got != "1.3.6.1.1.3.0=100" || !bytes.Equal(first.VarBinds, second.VarBinds) {
		t.Errorf("got %s and then %s", got, show(t, second))
	}
}
