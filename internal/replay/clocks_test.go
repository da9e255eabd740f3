package replay_test

import (
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trapline/collector"
	"trapline/config"
	"trapline/internal/agent"
	"trapline/internal/client"
	"trapline/internal/clocks"
	"trapline/internal/poller"
	"trapline/internal/profile"
	"trapline/internal/replay"
	"trapline/internal/snmp"
)

// TestLawOfClocks polls each device with labels that are carried from poll to poll: the series of each poll are those of one
// that reads everything.
func TestLawOfClocks(t *testing.T) {
	book, err := config.Profiles(nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var n carried
	for name, r := range ownDevices(t) {
		n.check(t, book, name, witnessed(r))
	}
	eachRecording(t, func(name string, content io.Reader) {
		if !chosen(name) {
			return
		}
		if r, _ := agent.ReadRecording(content); r.Len() > 0 {
			n.check(t, book, name, witnessed(r))
		}
	})
	t.Logf("%d devices, %d of which have labels that are carried: %d of %d variable bindings were not read (%.0f %%)",
		n.devices, n.carrying, n.whole-n.read, n.whole, 100*float64(n.whole-n.read)/float64(n.whole))
	if n.carrying == 0 || n.read >= n.whole {
		t.Error("nothing was carried")
	}
}

// witnessed returns the recording of a device that would show changes of its interfaces and entities: without that, no label
// is carried.
func witnessed(r *agent.Recording) *agent.Recording {
	var b agent.Builder
	there := map[string]bool{}
	for i := range r.Len() {
		v := r.Object(i, 0)
		there[v.Name.String()] = true
		b.Add(v.Name, v.Type, v.Value)
	}
	for _, oid := range []string{"1.3.6.1.2.1.31.1.5.0", "1.3.6.1.2.1.47.1.4.1.0"} {
		if !there[oid] {
			b.Uint(snmp.MustParseOID(oid), snmp.TimeTicks, 0)
		}
	}
	return b.Recording()
}

type carried struct{ devices, carrying, read, whole int }

// check polls a device for more than the time after which labels are read again.
func (n *carried) check(t *testing.T, book *profile.Registry, name string, r *agent.Recording) {
	t.Helper()
	catalog := poller.NewCatalog(nil, nil, func() (*profile.Registry, error) { return book, nil })
	target, err := poller.NewTarget(&poller.TargetSettings{Name: name, Modules: []string{profile.Auto}}, &poller.Global{}, catalog)
	if err != nil {
		t.Fatal(err)
	}
	o := poller.PassOptions{Open: func(client.Spec) (collector.Session, error) { return replay.Device(r), nil }, WrapCounters: true}
	synctest.Test(t, func(t *testing.T) {
		memory := clocks.NewMemory(name, &clocks.Budget{})
		n.devices++
		carries := false
		p := o.Run(t.Context(), target, false)
		want := lines(exposed(t, p))
		for i := range 24 {
			due := o.RunDue(t.Context(), target, memory)
			if got := lines(exposed(t, due)); !slices.Equal(want, got) {
				t.Errorf("%s, poll %d: %s", name, i, firstDifference(strings.Join(want, "\n"), strings.Join(got, "\n")))
				return
			}
			n.read += due.Stats.VarBinds
			n.whole += p.Stats.VarBinds
			carries = carries || len(due.Carried) > 0
			time.Sleep(time.Minute)
		}
		if carries {
			n.carrying++
		}
	})
}

func lines(text string) []string {
	list := strings.Split(text, "\n")
	slices.Sort(list)
	return list
}
