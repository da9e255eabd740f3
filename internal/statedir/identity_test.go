package statedir

import (
	"bytes"
	"errors"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trapline/internal/originator"
	"trapline/internal/snmp"
)

var startTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func bootsOf(i *originator.Identity) int32 {
	boots, _, _ := i.Clock(startTime)
	return boots
}

// start simulates one process with the state directory and returns its engine ID and boots.
func start(t *testing.T, dir string, configured []byte) ([]byte, int32) {
	t.Helper()
	s, err := Open(dir, configured, startTime)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	boots, seconds, err := s.Identity.Clock(startTime)
	if err != nil || seconds != 0 {
		t.Fatalf("time %d, %v", seconds, err)
	}
	return s.Identity.ID, boots
}

func TestEveryStartIsOneMoreBootOfOneEngine(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "on demand")
	id, boots := start(t, dir, nil)
	if boots != 1 || snmp.CheckEngineID(id) != nil || !strings.HasPrefix(snmp.DescribeEngineID(id), "enterprise 0, octets ") {
		t.Errorf("boots %d of %x (%s)", boots, id, snmp.DescribeEngineID(id))
	}
	again, boots := start(t, dir, nil)
	if boots != 2 || !bytes.Equal(again, id) {
		t.Errorf("boots %d of %x after the first of %x", boots, again, id)
	}
	other, _ := start(t, t.TempDir(), nil)
	if bytes.Equal(other, id) {
		t.Errorf("two directories have the engine ID %x", id)
	}
}

// An engine ID that receivers may know never starts to count at 1.
func TestConfiguredEngineIDsGoOnWhereNobodyHasBeen(t *testing.T) {
	a, b := []byte("\x80\x00\x00\x00\x04one"), []byte("\x80\x00\x00\x00\x04two")
	dir := t.TempDir()
	_, first := start(t, dir, a)
	if _, next := start(t, dir, a); next != first+1 {
		t.Errorf("boots %d follow %d", next, first)
	}
	if _, kept := start(t, dir, nil); kept != first+2 {
		t.Errorf("without the setting, boots %d follow %d", kept, first+1)
	}
	if err := os.Remove(filepath.Join(dir, engineFile)); err != nil {
		t.Fatal(err)
	}
	later := startTime.Add(10 * time.Second)
	for _, id := range [][]byte{a, b, a} {
		s, err := Open(dir, id, later)
		if err != nil {
			t.Fatal(err)
		}
		if boots, _, _ := s.Identity.Clock(later); boots <= first+2 || !bytes.Equal(s.Identity.ID, id) {
			t.Errorf("boots of %x are %d after %d", id, boots, first+2)
		}
		s.Close()
	}
	if _, err := Open(t.TempDir(), a, time.Unix(0, 0)); err == nil || !strings.Contains(err.Error(), "the clock that would give them says 1970-01-01") {
		t.Errorf("with a clock that was not set: %v", err)
	}
}

// A file of the engine that cannot be read is kept aside, loudly. The engine goes on as the database has it.
// Without that, nobody counts from 1 again with an ID that receivers may know.
func TestAnEngineThatCannotBeReadIsNoNewStart(t *testing.T) {
	configured := []byte("\x80\x00\x00\x00\x04one")
	for name, change := range map[string]func(good string) string{
		"empty":     func(string) string { return "" },
		"cut off":   func(good string) string { return good[:len(good)-10] },
		"doubled":   func(good string) string { return good + good },
		"no ID":     func(string) string { return "boots: 7\n" },
		"empty ID":  func(string) string { return engineHead + "engine_id: \nboots: 7\n" },
		"short ID":  func(string) string { return engineHead + "engine_id: 8000\nboots: 7\n" },
		"negative":  func(string) string { return engineHead + "engine_id: 8000000004616263\nboots: -1\n" },
		"too many":  func(string) string { return engineHead + "engine_id: 8000000004616263\nboots: 2147483648\n" },
		"one digit": func(good string) string { return strings.Replace(good, "boots: ", "boots: 1", 1) },
		"zeroes":    func(good string) string { return strings.Repeat("\x00", len(good)) },
	} {
		for _, id := range [][]byte{nil, configured} {
			for _, alone := range []bool{false, true} {
				dir := t.TempDir()
				file := filepath.Join(dir, engineFile)
				before, boots := start(t, dir, id)
				good, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(change(string(good))), 0o600); err != nil {
					t.Fatal(err)
				}
				if alone {
					if err := os.Remove(filepath.Join(dir, DatabaseFile)); err != nil {
						t.Fatal(err)
					}
				}
				if _, _, err := Engine(dir, id, startTime); err == nil || !strings.Contains(err.Error(), "has no engine_id and boots that can be read") {
					t.Errorf("%s: a command is given %v", name, err)
				}
				s, err := Open(dir, id, startTime.Add(time.Hour))
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				var log bytes.Buffer
				s.LogDamage(slog.New(slog.NewTextHandler(&log, nil)))
				now, _, _ := s.Identity.Clock(startTime.Add(time.Hour))
				same := bytes.Equal(s.Identity.ID, before)
				if same && now <= boots || same == (alone && id == nil) {
					t.Errorf("%s, configured %x, database lost=%t: %x boots %d became %x boots %d", name, id, alone, before, boots, s.Identity.ID, now)
				}
				aside, _ := filepath.Glob(file + ".corrupt-*")
				damaged := 1
				if alone {
					damaged = 2 // the database has vanished too
				}
				if len(aside) != 1 || !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "moved_to="+aside[0]) || s.Damaged() != damaged {
					t.Errorf("%s: moved to %v, logged\n%s", name, aside, &log)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				if _, next := start(t, dir, id); next != now+1 {
					t.Errorf("%s: boots %d follow %d", name, next, now)
				}
			}
		}
	}
}

// An older file that somebody put back takes no boots back.
func TestAnOlderEngineFileTakesNothingBack(t *testing.T) {
	dir := t.TempDir()
	start(t, dir, nil)
	file := filepath.Join(dir, engineFile)
	older, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	start(t, dir, nil)
	if err := os.WriteFile(file, older, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, boots := start(t, dir, nil); boots != 3 {
		t.Errorf("boots %d follow 2", boots)
	}
}

func TestBootsThatAreUsedUp(t *testing.T) {
	dir := t.TempDir()
	r := engineRecord{id: []byte("\x80\x00\x00\x00\x04one"), boots: math.MaxInt32 - 1}
	if err := r.store(filepath.Join(dir, engineFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, nil, startTime); err == nil || !strings.Contains(err.Error(), "has used up its boots") {
		t.Errorf("with boots 2147483646: %v", err)
	}
}

// The files of earlier versions have no checksum.
func TestEngineFilesOfEarlierVersions(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, engineFile), []byte(engineHead+"engine_id: 8000000004616263\nboots: 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if id, boots := start(t, dir, nil); boots != 8 || string(id[5:]) != "abc" {
		t.Errorf("boots %d of %x", boots, id)
	}
}

// Nothing is stored in the place of an engine that is better.
func TestNoWorseEngineIsStored(t *testing.T) {
	file := filepath.Join(t.TempDir(), engineFile)
	id := []byte("\x80\x00\x00\x00\x04one")
	good := engineRecord{id: id, boots: 7}
	if err := good.store(file); err != nil {
		t.Fatal(err)
	}
	for _, worse := range []engineRecord{{boots: 8}, {id: []byte{}, boots: 8}, {id: []byte("x"), boots: 8}, {id: id, boots: 6}, {id: id, boots: -1}} {
		if err := worse.store(file); err == nil {
			t.Errorf("%x boots %d is stored", worse.id, worse.boots)
		}
	}
	if r, err := readEngine(file); err != nil || r.boots != 7 {
		t.Errorf("%+v, %v", r, err)
	}
}

// A trap with another engine ID must use separate boots, and leave the process's own unchanged.
func TestIdentitiesOfOthers(t *testing.T) {
	dir, other := t.TempDir(), []byte("\x80\x00\x00\x00\x04two")
	id, boots := start(t, dir, nil)
	last := int32(0)
	for range 3 {
		i, damage, err := IdentityOf(dir, other, startTime)
		if err != nil || damage != nil || !bytes.Equal(i.ID, other) || bootsOf(i) <= last {
			t.Errorf("%+v, %v, %v", i, damage, err)
		}
		last = bootsOf(i)
	}
	if i, _, err := IdentityOf(dir, id, startTime); err != nil || bootsOf(i) != boots {
		t.Errorf("our own: %+v, %v", i, err)
	}
	if again, next := start(t, dir, nil); !bytes.Equal(again, id) || next != boots+1 {
		t.Errorf("boots %d of %x", next, again)
	}
}

func TestBootsThatCannotBeStoredAreNotUsed(t *testing.T) {
	dir := t.TempDir()
	start(t, dir, nil)
	if err := os.Mkdir(filepath.Join(dir, engineFile+".new"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, nil, startTime); !errors.As(err, new(*os.PathError)) {
		t.Errorf("Open: %v", err)
	}
}

func TestOneProcessPerStateDirectory(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, nil, startTime)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = Open(dir, nil, startTime)
	if want := "state directory " + dir + ": another process uses it: each needs one of its own"; err == nil || err.Error() != want {
		t.Errorf("second Open: %v", err)
	}
	id, boots, err := Engine(dir, nil, startTime)
	if err != nil || boots != 1 || !bytes.Equal(id, s.Identity.ID) {
		t.Errorf("Engine gives %x, %d, %v", id, boots, err)
	}
}

// The engine ID shown before the first start must be the one of that start.
func TestEngineBeforeTheFirstStart(t *testing.T) {
	for _, configured := range [][]byte{nil, []byte("\x80\x00\x00\x00\x04one")} {
		dir := t.TempDir()
		id, shown, err := Engine(dir, configured, startTime)
		if err != nil {
			t.Fatal(err)
		}
		started, boots := start(t, dir, configured)
		if !bytes.Equal(started, id) || boots != shown+1 {
			t.Errorf("Engine gives %x and %d, the start has %x and %d", id, shown, started, boots)
		}
	}
}

func TestEngineTime(t *testing.T) {
	s, err := Open(t.TempDir(), nil, startTime)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, test := range []struct {
		after          time.Duration
		boots, seconds int32
		uptime         uint32
	}{
		{1999 * time.Millisecond, 1, 1, 199},
		{(math.MaxInt32 - 1) * time.Second, 1, math.MaxInt32 - 1, 4294967096},
		{math.MaxInt32 * time.Second, 2, 0, 4294967196},
		{(math.MaxInt32 + 1) * time.Second, 2, 1, 0},
	} {
		at := startTime.Add(test.after)
		boots, seconds, err := s.Identity.Clock(at)
		if err != nil || boots != test.boots || seconds != test.seconds {
			t.Errorf("after %s: boots %d, time %d, %v, want %d, %d", test.after, boots, seconds, err, test.boots, test.seconds)
		}
		if got := s.Identity.Uptime(at); got != test.uptime {
			t.Errorf("after %s: uptime %d", test.after, got)
		}
	}
}
