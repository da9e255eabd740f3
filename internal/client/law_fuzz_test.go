package client_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/snmp"
)

// fuzzSource is a source of random numbers: first those of a text, two octets each, then those of a
// hash of it.
type fuzzSource struct {
	text []byte
	rest *rand.PCG
}

func newFuzzSource(text []byte) *fuzzSource {
	h := fnv.New64a()
	_, _ = h.Write(text)
	return &fuzzSource{text, rand.NewPCG(h.Sum64(), 0)}
}

func (s *fuzzSource) Uint64() uint64 {
	if len(s.text) < 2 {
		return s.rest.Uint64()
	}
	n := uint64(binary.BigEndian.Uint16(s.text)) * 0x0001_0001_0001_0001
	s.text = s.text[2:]
	return n
}

// FuzzPasses is the law for devices, agents, networks and events that a text describes.
func FuzzPasses(f *testing.F) {
	r := rand.New(rand.NewPCG(28, 0))
	for n := range 4 {
		text := make([]byte, 400*n)
		for i := range text {
			text[i] = byte(r.Uint32())
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		onlyOnce(t)
		if err := randomTrial(t, rand.New(newFuzzSource(text))); err != nil {
			t.Error(err)
		}
	})
}

// forger is a network that replaces responses by arbitrary datagrams. Those that begin with a zero
// are changes to the device's response.
type forger struct {
	agent  *lawAgent
	text   []byte
	answer func([]byte) // nil once the test is over
}

// next cuts a piece off the text: its length in one octet, and so many.
func (c *forger) next() (piece []byte) {
	if len(c.text) == 0 {
		return nil
	}
	n := min(int(c.text[0]), len(c.text)-1)
	piece, c.text = c.text[1:1+n], c.text[1+n:]
	return piece
}

func (c *forger) Carry(request []byte) {
	response := c.agent.respond(bytes.Clone(request))
	piece := c.next()
	switch {
	case len(piece) == 0:
	case piece[0] == 0 && len(response) > 0:
		for i := 1; i+2 < len(piece); i += 3 {
			response[int(binary.BigEndian.Uint16(piece[i:]))%len(response)] ^= piece[i+2]
		}
	default:
		response = piece
	}
	if len(response) > 0 {
		time.AfterFunc(time.Millisecond, func() { c.answer(response) })
	}
}

// FuzzForgedAnswers polls a device whose answers are changed or replaced. Whatever comes, each pass ends,
// and no request is sent that must not be.
func FuzzForgedAnswers(f *testing.F) {
	f.Add([]byte{1, 1, 1}, 0)
	f.Add([]byte{0, 0, 7, 0, 0, 30, 1, 0, 31, 7, 4, 0, 0, 2, 255, 2, 48, 130}, 1)
	f.Add(bytes.Repeat([]byte{7, 0, 0, 70, 3, 0, 90, 128}, 10), 2)
	objects, _ := randomDevice(rand.New(rand.NewPCG(3, 27)))
	plan := client.Plan{Get: walkOf("1.3.6.1.2.1.1.3.0"), Next: walkOf("1.3.6.1.2.1.1"), Walk: walkOf("1.3.6.1.2.1.1", "1.3.6.1.4.1.32473")}
	f.Fuzz(func(t *testing.T, text []byte, version int) {
		onlyOnce(t)
		synctest.Test(t, func(t *testing.T) {
			agent := &lawAgent{version: []snmp.Version{snmp.V1, snmp.V2c, snmp.V3}[uint(version)%3], room: 700, started: time.Now(), boots: 1}
			agent.objects = agent.visible(objects)
			auth := agent.auth(2)
			c := &forger{agent: agent, text: text}
			e, answer := client.NewCarried(c, client.Options{MaxVarBinds: 10_000})
			c.answer = func(b []byte) { answer(b, lawPeer) }
			x, err := e.Target(client.Spec{Address: lawPeer.String(), Auth: auth})
			if err != nil {
				t.Fatal(err)
			}
			for range 4 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				_, _ = x.Poll(ctx, &plan, func(v snmp.VarBind) { _ = v.Name.String() })
				if ctx.Err() != nil {
					t.Error("the pass did not end by itself")
				}
				cancel()
			}
			if _, faults := agent.asked(); len(faults) > 0 && version != 2 {
				t.Error(faults[0])
			}
			_ = e.Close()
		})
	})
}

// FuzzRestore reads any state. It is refused, or does no harm to the passes that follow.
func FuzzRestore(f *testing.F) {
	objects, settings := randomDevice(rand.New(rand.NewPCG(4, 27)))
	subject := newLawSubject("random", settings...)
	f.Add([]byte("trapline engine 1\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, state []byte) {
		onlyOnce(t)
		synctest.Test(t, func(t *testing.T) {
			w, err := newLawTrial(rand.New(rand.NewPCG(5, 27)), subject, objects)
			if err != nil {
				t.Fatal(err)
			}
			_ = w.engine.Restore(bytes.NewReader(state))
			if err := w.pass(); err != nil {
				t.Error(err)
			}
			_ = w.engine.Close()
		})
	})
}

func FuzzParseAddress(f *testing.F) {
	for _, text := range []string{"192.0.2.1", "udp6://[2001:db8::1]:161", "tcp://host:1161", "[fe80::1%lo]:161", "://", "udp://:0", "h:99999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := access.ParseAddress(text)
		if err == nil && (a.Host == "" || a.Network == "") {
			t.Errorf("%q: %+v", text, a)
		}
	})
}
