package relay

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"trapline/internal/cluster/peer"
)

// Whoever polls a device, falls silent, starts again or forgets devices, all members know in the end what the last poll of each has brought.
func TestDevicesAreThoseOfTheLastPoll(t *testing.T) {
	const targets = 12
	for seed := range uint64(40) {
		var mu sync.Mutex
		last, gone := map[string]Device{}, map[string]string{}
		learned := map[string]map[string]Device{"a": {}, "b": {}, "c": {}}
		play(t, seed, func(s *site) {
			random := rand.New(rand.NewPCG(seed, 2))
			polled := func() {
				target := fmt.Sprint("t", random.IntN(targets))
				d := Device{Target: target, Addresses: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(random.IntN(4))})}}
				if random.IntN(2) == 0 {
					d.Engine = []byte{byte(random.IntN(4))}
				}
				member := string(rune('a' + random.IntN(3)))
				s.relays[member].Polled(d)
				mu.Lock()
				last[target], learned[member][target] = d, d
				mu.Unlock()
			}
			for range 60 {
				switch random.IntN(8) {
				case 0:
					s.mu.Lock()
					s.faults[string(rune('a'+random.IntN(3)))] = random.IntN(4)
					s.mu.Unlock()
				case 1: // the targets of a member are others for a while
					member, target := string(rune('a'+random.IntN(3))), fmt.Sprint("t", random.IntN(targets))
					mu.Lock()
					delete(gone, member)
					mu.Unlock()
					s.relays[member].Keep(func(name string) bool { return name != target })
					mu.Lock()
					gone[member] = target
					mu.Unlock()
				default:
					polled()
				}
				time.Sleep(time.Duration(1+random.IntN(8000)) * time.Millisecond)
			}
			s.mu.Lock()
			clear(s.faults)
			s.mu.Unlock()
			mu.Lock()
			clear(gone)
			mu.Unlock()
			for _, r := range s.relays {
				r.Keep(func(string) bool { return true })
			}
			for target := range last { // the last word is of a poll that no member has forgotten
				d := last[target]
				s.relays["a"].Polled(d)
				mu.Lock()
				learned["a"][target] = d
				mu.Unlock()
				time.Sleep(time.Millisecond)
			}
			time.Sleep(time.Minute)
		}, func(member string) func([]Device) {
			return func(list []Device) {
				mu.Lock()
				defer mu.Unlock()
				for _, d := range list {
					if d.Target == gone[member] {
						t.Errorf("seed %d: %s learns about %s, which is no target", seed, member, d.Target)
					}
					learned[member][d.Target] = d
				}
			}
		})
		for member, known := range learned {
			for target, want := range last {
				if got := known[target]; !got.equal(&want) {
					t.Fatalf("seed %d: %s knows %s as %v, want %v", seed, member, target, got, want)
				}
			}
		}
	}
}

// Many devices come in several answers, and of devices that have not changed come none.
func TestManyDevices(t *testing.T) {
	const targets = 500
	r := New(Options{})
	var list []netip.Addr
	for i := range maxAddresses {
		list = append(list, netip.AddrFrom16([16]byte{0x20, 1, 0x1d, 0xb8, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x10 | byte(i>>8), byte(i)}))
	}
	name := func(i int) string { return fmt.Sprint(strings.Repeat("<", i), i) } // which JSON escapes
	for i := range targets {
		r.Polled(Device{Target: name(i), Addresses: list[:i%len(list)]})
	}
	r.Polled(Device{Target: "too many", Addresses: append(list, list...)})
	mux := http.NewServeMux()
	r.Register(mux)
	v, answers := newDevices(), 0
	var last deviceAnswer
	for more := true; more; answers++ {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("GET", fmt.Sprintf("%s?process=%s&number=%d", devicesPath, last.Process, last.Number), nil))
		last = deviceAnswer{}
		if err := peer.ReadJSON(w.Result(), maxDevicesAnswer, &last); err != nil {
			t.Fatal(err)
		}
		v.learn(last.Devices, time.Now())
		more = last.More
	}
	if answers < 2 || len(v.known) != targets {
		t.Errorf("%d devices came in %d answers", len(v.known), answers)
	}
	for target, one := range v.known {
		if want := r.devices.known[target]; !reflect.DeepEqual(one.Addresses, want.Addresses) && len(want.Addresses) > 0 {
			t.Fatalf("%s has %d addresses, want %d", target, len(one.Addresses), len(want.Addresses))
		}
	}
	for i := range targets {
		r.Polled(Device{Target: name(i), Addresses: list[:i%len(list)]})
	}
	if a := r.devices.since(last.Process, last.Number); len(a.Devices) > 0 {
		t.Errorf("%d devices come again", len(a.Devices))
	}
	hostile := []oldDevice{{Device{Target: "negative"}, -time.Second}, {Device{Target: "large", Addresses: append(list, list...)}, 0}}
	if fresh := v.learn(hostile, time.Now()); len(fresh) > 0 {
		t.Errorf("%v were learned", fresh)
	}
}
