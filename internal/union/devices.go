package union

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"trapline/internal/cluster/peer"
	"trapline/internal/fleet"
	"trapline/internal/httpserver"
)

// devicesPath is the path by which members ask for what service discovery has of targets, with its parameters.
const devicesPath = "/devices"

// facts are a target in the answer of another member.
type facts struct {
	Name     string `json:"name"`
	Profile  string `json:"profile,omitempty"`
	Vendor   string `json:"vendor,omitempty"`
	SysName  string `json:"sys_name,omitempty"`
	Selected bool   `json:"selected"`
}

// devices are the answers of other members about their targets.
type devices struct {
	mu    sync.Mutex
	kept  []keptFacts      // the newest last
	known map[string]facts // the last facts of a target, whoever had them
	made  uint64
}

// keptFacts is an answer that may still hold.
type keptFacts struct {
	member, query string
	tag           string
	list          []facts
}

// maxKept bounds how many answers are kept, and maxKeptFacts how many targets they have together: queries are whatever clients send.
const (
	maxKept      = 64
	maxKeptFacts = 200_000
)

// serveDevices answers other members about the targets that are polled here.
func (f *Fleet) serveDevices(w http.ResponseWriter, r *http.Request) {
	parameters, err := url.ParseQuery(r.URL.RawQuery)
	var selection fleet.Selection
	if err == nil {
		selection, err = fleet.Select(parameters)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(r.URL.RawQuery))
	tag := fmt.Sprintf(`"%x-%x"`, f.own.DevicesVersion(), hash.Sum64())
	w.Header().Set("ETag", tag)
	if httpserver.HasTag(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	list := []facts{}
	f.own.EachDevice(selection, func(d fleet.Device, selected bool) {
		fact := factsOf(&d)
		fact.Selected = selected
		list = append(list, fact)
	})
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(list) // the member has gone
}

// DevicesVersion never repeats: the targets of others change unseen.
func (f *Fleet) DevicesVersion() [2]uint64 {
	f.devices.mu.Lock()
	defer f.devices.mu.Unlock()
	f.devices.made++
	return [2]uint64{0, f.devices.made}
}

// Devices returns the targets that parameters select, sorted by name. Of those that nobody has polled yet, or whose member does
// not answer, there are the last facts that are known: while a target moves, neither its labels change nor is it left out.
func (f *Fleet) Devices(parameters map[string][]string) (list []fleet.Device, err error) {
	selection, err := fleet.Select(parameters)
	if err != nil {
		return nil, err
	}
	known := map[string]facts{}
	last := f.devices.last()
	add := func(d fleet.Device, selected bool) {
		fact := factsOf(&d)
		if fact.isEmpty() {
			if fact = last[d.Target.Name]; !fact.isEmpty() {
				d.Profile, d.Vendor, d.SysName = fact.Profile, fact.Vendor, fact.SysName
				selected = selected || selection.Selects(&d)
			}
		}
		if !fact.isEmpty() {
			known[d.Target.Name] = fact
		}
		if selected {
			list = append(list, d)
		}
	}
	own := map[string]bool{}
	f.own.EachDevice(selection, func(d fleet.Device, selected bool) {
		own[d.Target.Name] = true
		add(d, selected)
	})
	answered := f.facts(url.Values(parameters).Encode())
	for _, t := range f.union.members.Targets() { // of all members: a target may have moved here meanwhile
		if own[t.Name] {
			continue
		}
		fact, ok := answered[t.Name]
		d := fleet.Device{Target: t, Profile: fact.Profile, Vendor: fact.Vendor, SysName: fact.SysName}
		add(d, ok && fact.Selected || !ok && selection.Selects(&d))
	}
	f.devices.learn(known)
	slices.SortFunc(list, func(a, b fleet.Device) int { return strings.Compare(a.Target.Name, b.Target.Name) })
	return list, nil
}

func factsOf(d *fleet.Device) facts {
	return facts{Name: d.Target.Name, Profile: d.Profile, Vendor: d.Vendor, SysName: d.SysName}
}

func (f *facts) isEmpty() bool { return f.Profile == "" && f.Vendor == "" && f.SysName == "" }

func (d *devices) last() map[string]facts {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.known
}

// learn replaces the facts that are known, which nobody changes any more.
func (d *devices) learn(known map[string]facts) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known = known
}

// facts asks the other members about their targets, by name.
func (f *Fleet) facts(query string) map[string]facts {
	ctx, cancel := context.WithTimeout(context.Background(), partWait)
	defer cancel()
	var mu sync.Mutex
	all := map[string]facts{}
	var group sync.WaitGroup
	for _, p := range f.union.members.Peers() {
		if f.union.silentNow(f.union.of(p.Name)) != nil {
			continue
		}
		group.Go(func() {
			list, err := f.ask(ctx, p, query)
			if err != nil {
				return // which is noted, and named by Warnings
			}
			mu.Lock()
			defer mu.Unlock()
			for _, one := range list {
				all[one.Name] = one
			}
		})
	}
	group.Wait()
	return all
}

func (f *Fleet) ask(ctx context.Context, p peer.Member, query string) ([]facts, error) {
	kept := f.devices.find(p.Name, query)
	answer, leave, err := f.union.open(ctx, &peer.Request{To: p, Path: devicesPath + "?" + query, Header: http.Header{"If-None-Match": {kept.tag}}})
	if err != nil {
		return nil, err
	}
	defer leave()
	if answer.StatusCode == http.StatusNotModified {
		return kept.list, nil
	}
	next := keptFacts{member: p.Name, query: query, tag: answer.Header.Get("ETag")}
	text, err := peer.Read(answer.Body, maxPart)
	if err == nil {
		err = json.Unmarshal(text, &next.list)
	}
	if err != nil {
		f.union.note(f.union.of(p.Name), plain(err))
		return nil, err
	}
	f.devices.keep(next)
	return next.list, nil
}

func (d *devices) find(member, query string) keptFacts {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, k := range d.kept {
		if k.member == member && k.query == query {
			return k
		}
	}
	return keptFacts{}
}

func (d *devices) keep(next keptFacts) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept = slices.DeleteFunc(d.kept, func(k keptFacts) bool { return k.member == next.member && k.query == next.query })
	d.kept = append(d.kept[max(len(d.kept)-maxKept+1, 0):], next)
	total := 0
	for i, k := range slices.Backward(d.kept) {
		if total += len(k.list); total > maxKeptFacts && i < len(d.kept)-1 {
			d.kept = slices.Delete(d.kept, 0, i+1)
			break
		}
	}
}
