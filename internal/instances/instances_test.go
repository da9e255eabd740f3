package instances

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"trapline/internal/client"
	"trapline/internal/fleet"
	"trapline/internal/poller"
)

// stubDevices are many devices.
type stubDevices struct {
	list    []fleet.Device
	version uint64
	asked   int
}

func (s *stubDevices) Devices(map[string][]string) ([]fleet.Device, error) {
	s.asked++
	return s.list, nil
}

func (s *stubDevices) DevicesVersion() [2]uint64 { return [2]uint64{1, s.version} }

func manyDevices(n int) *stubDevices {
	s := &stubDevices{}
	for i := range n {
		s.list = append(s.list, fleet.Device{
			Target: &poller.Target{
				Name: fmt.Sprintf("sw-%05d", i), AuthName: "public_v2", List: "inventory", Spec: client.Spec{Address: fmt.Sprintf("10.0.%d.%d", i>>8, i&255)},
				Labels: map[string]string{"site": "berlin", "rack": fmt.Sprint(i % 100), "instance": "another"},
			},
			Profile: "cisco_c9300", Vendor: "Cisco", SysName: fmt.Sprintf("sw-%05d \"é\" <x>", i),
		})
	}
	return s
}

func askInstances(s *Discovery, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, http.NoBody)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// An answer is made once for each query, until the targets or facts about them change; its tag spares it.
func TestInstancesAreMadeOnce(t *testing.T) {
	devices := manyDevices(3)
	s := New(Options{Devices: devices, Prefix: "/t"})
	first := askInstances(s, "http://host/sd")
	var list []struct {
		Targets []string
		Labels  map[string]string
	}
	if err := json.Unmarshal(first.Body.Bytes(), &list); err != nil || len(list) != 3 {
		t.Fatal(first, err)
	}
	got, err := json.Marshal(list[1])
	const want = `{"Targets":["host"],"Labels":{"__meta_trapline_address":"10.0.0.1","__meta_trapline_auth":"public_v2","__meta_trapline_discovery":"inventory","__meta_trapline_modules":"","__meta_trapline_profile":"cisco_c9300","__meta_trapline_sysname":"sw-00001 \"é\" \u003cx\u003e","__meta_trapline_vendor":"Cisco","__metrics_path__":"/t/targets/sw-00001/metrics","instance":"sw-00001","rack":"1","site":"berlin","target":"sw-00001"}}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
	tag := first.Header().Get("ETag")
	if sum := sha256.Sum256(first.Body.Bytes()); tag != fmt.Sprintf(`"%x"`, sum[:16]) { // which no other list has, and a restart keeps
		t.Errorf("the tag is %s", tag)
	}
	if again := askInstances(s, "http://host/sd", "If-None-Match", "W/"+tag); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
		t.Error(again)
	}
	if again := askInstances(s, "http://host/sd"); again.Body.String() != first.Body.String() || devices.asked != 1 {
		t.Errorf("%v, asked %d times", again, devices.asked)
	}
	for i, other := range []string{"http://other/sd", "https://host/sd"} {
		if again := askInstances(s, other, "If-None-Match", tag); again.Code != http.StatusOK || devices.asked != 2+i {
			t.Errorf("%s: %v", other, again)
		}
	}
	devices.version++
	if later := askInstances(s, "http://host/sd", "If-None-Match", tag); later.Code != http.StatusNotModified {
		t.Error("what changed is not in the answer, of which the tag is another one")
	}
	devices.version++
	devices.list[0].SysName = "another"
	if later := askInstances(s, "http://host/sd", "If-None-Match", tag); later.Code != http.StatusOK || later.Header().Get("ETag") == tag {
		t.Error(later)
	}
	for i := range 3 * maxKept {
		askInstances(s, fmt.Sprintf("http://host/sd?rack=%d", i))
	}
	if len(s.kept) != maxKept {
		t.Errorf("%d answers are kept", len(s.kept))
	}
	if !strings.HasPrefix(askInstances(s, "https://host/sd").Body.String(), `[{"targets":["host"],"labels":{"__meta_trapline_address":`) {
		t.Error("the answer begins otherwise")
	}
}

// A label that no target has is an error that names those that there are, and no empty list, by which Prometheus would drop
// all its targets. Labels that some have may select none.
func TestInstancesOfUnknownLabels(t *testing.T) {
	devices := manyDevices(3)
	s := New(Options{Devices: &stubDevices{}, Targets: func() (list []*poller.Target) {
		for _, d := range devices.list {
			list = append(list, d.Target)
		}
		return list
	}})
	for query, want := range map[string]string{
		"sit=berlin":                     `no target has a label \"sit\"","hint":"did you mean site?`,
		"site=paris&building=7":          `no target has a label \"building\"","hint":"write one of address, auth`,
		"match[]=" + `{sit=~"b.*"}`:      `did you mean site?`,
		"site=paris":                     "",
		"rack=1&profile=ups&up=1":        "",
		"vendor=APC&discovery=inventory": "",
		"match[]=" + `{site="paris"}`:    "",
	} {
		r := askInstances(s, "http://host/sd?"+strings.ReplaceAll(query, " ", "+"))
		code := http.StatusOK
		if want != "" {
			code = http.StatusBadRequest
		}
		if r.Code != code || !strings.Contains(r.Body.String(), want) {
			t.Errorf("%s: %d %s", query, r.Code, r.Body)
		}
	}
	s.options.Targets = func() []*poller.Target { return nil }
	if r := askInstances(s, "http://host/sd?sit=berlin"); r.Code != http.StatusOK {
		t.Errorf("without targets: %d %s", r.Code, r.Body)
	}
}

// discarded is an answer to a reader of whom nothing is kept.
type discarded struct {
	header http.Header
	octets int
}

func (d *discarded) Header() http.Header         { return d.header }
func (d *discarded) WriteHeader(int)             {}
func (d *discarded) Write(b []byte) (int, error) { d.octets += len(b); return len(b), nil }

// A thousand readers of 50,000 targets share one answer, which is made once: each costs a fraction of it.
func TestManyReadersOfInstances(t *testing.T) {
	const bound = 128 << 10 // octets for a reader
	devices := manyDevices(50_000)
	s := New(Options{Devices: devices})
	askInstances(s, "http://host/sd")
	for encoding, readers := range map[string]uint64{"gzip": 1000, "": 20} { // of which it is decompressed for some
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var group sync.WaitGroup
		limit := make(chan struct{}, 50)
		var octets atomic.Int64
		for range readers {
			group.Go(func() {
				limit <- struct{}{}
				defer func() { <-limit }()
				r := httptest.NewRequest(http.MethodGet, "http://host/sd", http.NoBody)
				r.Header.Set("Accept-Encoding", encoding)
				w := &discarded{header: http.Header{}}
				s.ServeHTTP(w, r)
				octets.Add(int64(w.octets))
			})
		}
		group.Wait()
		runtime.ReadMemStats(&after)
		each := (after.TotalAlloc - before.TotalAlloc) / readers
		t.Logf("%q: %d octets for a reader of %d", encoding, each, octets.Load()/int64(readers))
		if each > bound || devices.asked != 1 {
			t.Errorf("%q: %d octets for a reader, want at most %d; the answer was made %d times", encoding, each, bound, devices.asked)
		}
	}
}

func BenchmarkInstances(b *testing.B) {
	devices := manyDevices(50_000)
	s := New(Options{Devices: devices})
	tag := askInstances(s, "http://host/sd", "Accept-Encoding", "gzip").Header().Get("ETag")
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			devices.version++
			w := askInstances(s, "http://host/sd", "Accept-Encoding", "gzip")
			b.SetBytes(int64(w.Body.Len()))
		}
		devices.version = 0
	})
	b.Run("kept", func(b *testing.B) {
		for b.Loop() {
			_, _ = io.Copy(io.Discard, askInstances(s, "http://host/sd").Body)
		}
	})
	b.Run("tag", func(b *testing.B) {
		for b.Loop() {
			askInstances(s, "http://host/sd", "If-None-Match", tag)
		}
	})
}

// A query that cannot be read selects nothing and not everything.
func TestQueriesOfInstancesThatCannotBeRead(t *testing.T) {
	s := New(Options{Devices: manyDevices(3)})
	for _, query := range []string{"site=a;b", "site=%zz"} {
		if w := askInstances(s, "/sd?"+query); w.Code != http.StatusBadRequest || w.Header().Get("ETag") != "" {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
}
