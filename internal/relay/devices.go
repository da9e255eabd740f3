package relay

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"trapline/internal/cluster/peer"
)

// Device is how a device may be known beside the address that it is polled at. It does not change.
type Device struct {
	Target    string       `json:"target"`
	Addresses []netip.Addr `json:"addresses,omitempty"` // in its tables
	Engine    []byte       `json:"engine,omitempty"`    // the ID of its SNMPv3 engine
}

func (d *Device) equal(other *Device) bool {
	return slices.Equal(d.Addresses, other.Addresses) && bytes.Equal(d.Engine, other.Engine)
}

// devices has what polls of all members have brought about devices. The last poll counts, whichever member made it.
type devices struct {
	process string     // of this member: numbers are its own
	learns  sync.Mutex // held while others' are learned

	mu     sync.Mutex
	number uint64
	known  map[string]*known // by target
	exists func(target string) bool
	kept   int // how often exists has changed
}

type known struct {
	Device
	at     time.Time // of the last poll
	number uint64    // of the change, if this member polls the target; 0: another one does
}

func newDevices() *devices {
	return &devices{process: rand.Text(), known: map[string]*known{}, exists: func(string) bool { return true }}
}

const (
	devicesPath = "/traps/devices"
	// devicesTime is how often others are asked.
	devicesTime = 10 * time.Second
	// maxDevices bounds the octets of an answer of several devices; maxDevicesAnswer bounds all answers.
	maxDevices, maxDevicesAnswer = 2 << 20, 4 << 20
	// maxKnown and maxAddresses bound the devices and the addresses of each.
	maxKnown, maxAddresses = 500_000, 1000
)

// deviceAnswer are devices in the order of their changes.
type deviceAnswer struct {
	Process string      `json:"process"`
	Number  uint64      `json:"number"` // up to which these are
	More    bool        `json:"more,omitempty"`
	Devices []oldDevice `json:"devices"`
}

type oldDevice struct {
	Device
	Age time.Duration `json:"age"` // since the last poll
}

// Polled notes what a poll by this member has brought about a device. r may be nil.
func (r *Relay) Polled(d Device) {
	if r == nil || len(d.Addresses) > maxAddresses {
		return
	}
	v := r.devices
	v.mu.Lock()
	defer v.mu.Unlock()
	was := v.known[d.Target]
	if was == nil {
		was = &known{}
		v.known[d.Target] = was
	}
	if was.at = time.Now(); was.number == 0 || !was.equal(&d) {
		v.number++
		was.Device, was.number = d, v.number
	}
}

// Keep forgets devices that do not exist, and none of these is learned from then on: others may know them for longer. r may be nil.
func (r *Relay) Keep(exists func(target string) bool) {
	if r == nil {
		return
	}
	v := r.devices
	v.learns.Lock()
	defer v.learns.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.exists = exists
	v.kept++
	maps.DeleteFunc(v.known, func(target string, _ *known) bool { return !exists(target) })
}

func (v *devices) keeps() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.kept
}

// since returns the devices that this member polls and that have changed since a number of a process.
func (v *devices) since(process string, number uint64) *deviceAnswer {
	v.mu.Lock()
	defer v.mu.Unlock()
	if process != v.process {
		number = 0
	}
	var list []*known
	for _, one := range v.known {
		if one.number > number {
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b *known) int { return cmp.Compare(a.number, b.number) })
	a := &deviceAnswer{Process: v.process, Number: v.number, Devices: make([]oldDevice, 0, len(list))}
	const addressOctets, deviceOctets, escaped = 56, 80, 6 // as JSON has them at most
	now, octets := time.Now(), 0
	for _, one := range list {
		if octets += deviceOctets + escaped*len(one.Target) + 2*len(one.Engine) + addressOctets*len(one.Addresses); octets > maxDevices && len(a.Devices) > 0 {
			a.More, a.Number = true, list[len(a.Devices)-1].number
			break
		}
		a.Devices = append(a.Devices, oldDevice{one.Device, now.Sub(one.at)})
	}
	return a
}

// learn notes what another member's polls have brought, and returns what was not known.
func (v *devices) learn(list []oldDevice, now time.Time) (fresh []Device) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, d := range list {
		at := now.Add(-d.Age)
		was := v.known[d.Target]
		if d.Age < 0 || !v.exists(d.Target) || len(d.Addresses) > maxAddresses || was == nil && len(v.known) >= maxKnown {
			continue
		}
		if was != nil && !at.After(was.at) {
			if was.number > 0 && !was.equal(&d.Device) { // the other member may not know that it is polled here again
				v.number++
				was.number = v.number
			}
			continue
		}
		if was == nil || !was.equal(&d.Device) {
			fresh = append(fresh, d.Device)
		}
		v.known[d.Target] = &known{Device: d.Device, at: at}
	}
	return fresh
}

// follow asks the other members until ctx is canceled.
func (r *Relay) follow(ctx context.Context) {
	if r.options.Peers == nil {
		return
	}
	tick := time.NewTicker(devicesTime)
	defer tick.Stop()
	last, kept := map[string]*deviceAnswer{}, r.devices.keeps()
	for {
		if n := r.devices.keeps(); n != kept { // devices that were forgotten may exist again
			last, kept = map[string]*deviceAnswer{}, n
		}
		var asking sync.WaitGroup
		for _, p := range r.options.Peers() {
			of := last[p.Name]
			if of == nil {
				of = &deviceAnswer{}
				last[p.Name] = of
			}
			asking.Go(func() { r.ask(ctx, p, of) })
		}
		asking.Wait()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// ask learns what has changed since the last answer of a member, which it replaces.
func (r *Relay) ask(ctx context.Context, p peer.Member, last *deviceAnswer) {
	ctx, cancel := context.WithTimeout(ctx, devicesTime)
	defer cancel()
	for more := true; more; {
		values := url.Values{"process": {last.Process}, "number": {strconv.FormatUint(last.Number, 10)}}
		response, err := r.options.Open(ctx, &peer.Request{To: p, Path: devicesPath + "?" + values.Encode()})
		var a deviceAnswer
		if err == nil {
			err = peer.ReadJSON(response, maxDevicesAnswer, &a)
		}
		if err != nil {
			return // the next tick tries again
		}
		r.learn(a.Devices)
		more = a.More && len(a.Devices) > 0
		last.Process, last.Number = a.Process, a.Number
	}
}

// learn takes what polls of another member have brought.
func (r *Relay) learn(list []oldDevice) {
	r.devices.learns.Lock()
	defer r.devices.learns.Unlock()
	if fresh := r.devices.learn(list, time.Now()); len(fresh) > 0 {
		r.options.Learn(fresh)
	}
}

func (r *Relay) serveDevices(w http.ResponseWriter, request *http.Request) {
	number, _ := strconv.ParseUint(request.FormValue("number"), 10, 64)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(r.devices.since(request.FormValue("process"), number)) // the member has gone
}
