package discovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"

	"trapline/internal/poller"
	"trapline/internal/statedir"
)

// A saved list that is torn, of another form, or too large is an error, which takes little memory and restores nothing; one
// with keys that a later version has added is read.
func TestSavedListsThatAreDamaged(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, dir)
	r.read(upTo(20))
	file := savedFile(dir, "inventory")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	restored := func() (n int, err error) {
		l := &list{name: "inventory", sources: map[sourceKey][]labels.Labels{}, maker: r.list.maker}
		err = l.restore(dir)
		for _, targets := range l.sources {
			n += len(targets)
		}
		return n, err
	}
	for name, damage := range map[string]func() error{
		"torn":      func() error { return os.Truncate(file, int64(len(whole)/2)) },
		"empty":     func() error { return os.Truncate(file, 0) },
		"form":      func() error { return os.WriteFile(file, []byte(`{"sources":{"file":[]}}`), 0o600) },
		"large":     func() error { return os.Truncate(file, maxSaved+1) },
		"directory": func() error { return os.MkdirAll(filepath.Join(file, "x"), 0o700) },
	} {
		_ = os.RemoveAll(file)
		if name != "directory" {
			err = os.WriteFile(file, whole, 0o600)
		}
		if err != nil || damage() != nil {
			t.Fatal(name, err)
		}
		octets := allocated(func() {
			if n, err := restored(); err == nil || n > 0 {
				t.Errorf("%s: %d targets, %v", name, n, err)
			}
		})
		if octets > 16<<20 {
			t.Errorf("%s: %d octets are allocated", name, octets)
		}
	}
	_ = os.RemoveAll(file)
	text, err := statedir.Unseal([]byte(filepath.Base(file)), whole)
	if err != nil {
		t.Fatal(err)
	}
	newer := strings.Replace(string(text), "{", `{"version":9,"shards":[1],`, 1)
	if err := os.WriteFile(file, []byte(newer), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := restored(); n != 20 || err != nil {
		t.Errorf("of a later version: %d targets, %v", n, err)
	}
}

// Whatever octets of a saved list change, are lost or come twice: it is the same list, or an error that names the file.
func TestSavedListsAreTheSameOrDamaged(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, dir)
	r.read(upTo(5))
	file := savedFile(dir, "inventory")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	restored := func() (*saved, error) {
		l := &list{name: "inventory", sources: map[sourceKey][]labels.Labels{}, maker: r.list.maker}
		err := l.restore(dir)
		return l.saved(), err
	}
	want, err := restored()
	if err != nil || len(want.Sources) == 0 {
		t.Fatal(want, err)
	}
	damaged, same := 0, 0
	check := func(change string, text []byte) {
		t.Helper()
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		switch got, err := restored(); {
		case err == nil && reflect.DeepEqual(got, want):
			same++
		case err == nil || !strings.Contains(err.Error(), file):
			t.Errorf("%s: %v, %v", change, got, err)
		default:
			damaged++
		}
	}
	random := rand.New(rand.NewPCG(1, 20))
	for i := range whole {
		other := slices.Clone(whole)
		other[i] ^= byte(1 + random.IntN(255))
		check(fmt.Sprintf("octet %d is %q", i, other[i]), other)
		other[i] = whole[i] ^ 1<<random.IntN(8)
		check(fmt.Sprintf("octet %d is %q", i, other[i]), other)
		check(fmt.Sprint("cut at ", i), whole[:i])
		length := random.IntN(len(whole) - i)
		clear(other[i : i+length])
		if length > 0 {
			check(fmt.Sprintf("zeros at %d, %d", i, length), other)
		}
		check(fmt.Sprintf("%d octets at %d twice", length, i), slices.Concat(whole[:i+length], whole[i:]))
	}
	t.Logf("%d damaged, %d the same", damaged, same)
	if damaged < 4*len(whole) {
		t.Errorf("%d damaged, %d the same, of a file of %d octets", damaged, same, len(whole))
	}
}

// A source that is not read again after a start stays while some of its kind cannot be read, for it may be that one; it goes
// when all can be read.
func TestASourceThatMayBeBrokenStays(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, dir)
	r.read(upTo(20))
	r.start()
	other := &targetgroup.Group{Source: "other", Targets: []model.LabelSet{{model.AddressLabel: "192.0.2.200"}}}
	look := func(err string) {
		r.now = r.now.Add(time.Minute)
		k := r.list.kinds["file"]
		if k.err = ""; err != "" {
			k.fail(err, r.now)
		}
		r.list.receive("file", []*targetgroup.Group{other}, r.now)
		r.list.settle(true, r.now)
	}
	for range 100 {
		if look("devices.json: something follows the list"); len(r.list.entries) != 21 {
			t.Fatalf("%d targets while a file is broken", len(r.list.entries))
		}
	}
	for range 100 {
		look("")
	}
	if len(r.list.entries) != 1 || !r.list.next().IsZero() {
		t.Errorf("%d targets once the files are whole", len(r.list.entries))
	}
}

// Lists that cannot be saved, as on a disk that is full or read-only, are polled on as they change; one log line a minute
// says so.
func TestListsThatCannotBeSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, savedDir), nil, 0o600); err != nil { // in the place of the directory
			t.Fatal(err)
		}
		var log strings.Builder
		file := filepath.Join(dir, "devices.csv")
		write := func(last int) {
			text := fmt.Sprintf("address\n192.0.2.1\n192.0.2.%d\n", last)
			if err := errors.Join(os.WriteFile(file+".new", []byte(text), 0o600), os.Rename(file+".new", file)); err != nil {
				t.Fatal(err)
			}
		}
		write(2)
		d := New(func() {}, slog.New(slog.NewTextHandler(&log, nil)))
		d.Configure(Configuration{
			Lists: []Settings{{Name: "campus", CSV: &CSV{Paths: []string{file}}}}, StateDir: dir, Usual: func(*poller.TargetSettings) error { return nil },
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- d.Run(ctx) }()
		const changes = 60
		for i := range changes {
			write(10 + i)
			time.Sleep(5 * time.Second) // in a bubble
			if targets := targetsOf(d); len(targets) != 2 || targets[fmt.Sprintf("192.0.2.%d", 10+i)] == "" {
				t.Fatalf("after change %d: %v", i, targets)
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if n := strings.Count(log.String(), "cannot be saved"); n < 1 || n > changes*5/60+2 {
			t.Errorf("%d log lines:\n%s", n, log.String())
		}
	})
}
