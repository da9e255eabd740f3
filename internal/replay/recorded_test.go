package replay_test

import (
	"bytes"
	"hash/fnv"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"

	"trapline/collector"
	"trapline/config"
	"trapline/internal/agent"
	"trapline/internal/client"
	"trapline/internal/corpus"
	"trapline/internal/poller"
	"trapline/internal/profile"
	"trapline/internal/replay"
	"trapline/internal/series"
)

// passes are made over each recording, beside the first one.
const passes = 20

// chosen reports whether a recording of the large corpus is polled. Without the race detector all of them take little
// time; with it one of forty is.
func chosen(name string) bool {
	h := fnv.New32a()
	_, _ = io.WriteString(h, name)
	return !racing || h.Sum32()%40 == 0
}

// TestLawOfRecordedDevices polls each device as /snmp?module=auto does, which answers with 500 when anything is missing
// or two series are equal, and then again: while the device stays the same, so does the answer, to the octet.
func TestLawOfRecordedDevices(t *testing.T) {
	book, err := config.Profiles(nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("own", func(t *testing.T) {
		for name, r := range ownDevices(t) {
			checkPasses(t, book, name, r)
		}
	})
	t.Run("large", func(t *testing.T) {
		devices, all := 0, 0
		eachRecording(t, func(name string, content io.Reader) {
			all++
			if !chosen(name) {
				return
			}
			devices++
			if r, _ := agent.ReadRecording(content); r.Len() > 0 {
				checkPasses(t, book, name, r)
			}
		})
		t.Logf("%d of %d recordings", devices, all)
	})
}

// ownDevices returns the devices of our own making by name.
func ownDevices(t *testing.T) map[string]*agent.Recording {
	t.Helper()
	list := map[string]*agent.Recording{}
	for name, device := range agent.Builtin {
		list[name] = device(1)
	}
	files, err := filepath.Glob(filepath.Join(corpus.Own(t, "conformance"), "recordings", "*.snmprec"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".snmprec")
		if list[name], err = agent.OpenRecording(file); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// eachRecording visits the recordings of the large corpus of devices.
func eachRecording(t *testing.T, visit func(name string, content io.Reader)) {
	t.Helper()
	archive := corpus.Text(t, filepath.Join(corpus.Large(t, "devices"), "open.tar"))
	err := corpus.Walk(archive, func(name string, content io.Reader) error {
		if filepath.Ext(name) == ".snmprec" {
			visit(strings.TrimSuffix(filepath.Base(name), ".snmprec"), content)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// checkPasses polls a recording again and again by the modules that are chosen for it.
func checkPasses(t *testing.T, book *profile.Registry, name string, r *agent.Recording) {
	t.Helper()
	catalog := poller.NewCatalog(nil, nil, func() (*profile.Registry, error) { return book, nil })
	target, err := poller.NewTarget(&poller.TargetSettings{Name: name, Modules: []string{profile.Auto}}, &poller.Global{}, catalog)
	if err != nil {
		t.Fatal(err)
	}
	o := poller.PassOptions{Open: func(client.Spec) (collector.Session, error) { return replay.Device(r), nil }, WrapCounters: true}
	first := ""
	for i := range 1 + passes {
		p := o.Run(t.Context(), target, true)
		if errs := p.Failures(); len(errs) > 0 {
			t.Errorf("%s, pass %d: %d failures, the first of them %v", name, i, len(errs), errs[0])
			return
		}
		switch text := exposed(t, p); {
		case i == 0:
			first = text
		case text != first:
			t.Errorf("%s, pass %d: %s", name, i, firstDifference(first, text))
			return
		}
	}
}

// exposed is the answer to a scrape, but for how long the modules took.
func exposed(t *testing.T, p *poller.Pass) string {
	t.Helper()
	var b bytes.Buffer
	e := series.NewEncoder(&b, expfmt.NewFormat(expfmt.TypeTextPlain), nil)
	if err := e.Encode([]series.Group{{Sets: p.Sets[:len(p.Modules)]}}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// firstDifference returns the first line that two texts do not share.
func firstDifference(a, b string) string {
	was, is := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(was), len(is)) {
		if was[i] != is[i] {
			return "was\n" + was[i] + "\nis\n" + is[i]
		}
	}
	return "one answer is longer than the other"
}
