package notify

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trapline/internal/snmp"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// start is one life of a process with the state directory: it gives its engine ID and boots.
func start(t *testing.T, dir string, configured []byte) ([]byte, int32) {
	t.Helper()
	s, err := Open(dir, configured, noon)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	boots, seconds, err := s.Identity.Clock(noon)
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
	later := noon.Add(10 * time.Second)
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

func TestWhatCannotBeReadIsNoNewStart(t *testing.T) {
	dir := t.TempDir()
	start(t, dir, nil)
	file := filepath.Join(dir, engineFile)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty": "", "cut off": string(good[:len(good)-10]), "no ID": "boots: 7\n", "short ID": "engine_id: 8000\nboots: 7\n",
		"negative": strings.Replace(string(good), "boots: 1", "boots: -1", 1),
		"too many": strings.Replace(string(good), "boots: 1", "boots: 2147483648", 1),
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, nil, noon); err == nil || !strings.Contains(err.Error(), file+": has no engine_id and boots that can be read") {
			t.Errorf("%s: %v", name, err)
		}
	}
	worn := strings.Replace(string(good), "boots: 1", "boots: 2147483646", 1)
	if err := os.WriteFile(file, []byte(worn), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, nil, noon); err == nil || !strings.Contains(err.Error(), "has used up its boots") {
		t.Errorf("with boots 2147483646: %v", err)
	}
}

func TestBootsThatCannotBeStoredAreNotUsed(t *testing.T) {
	dir := t.TempDir()
	start(t, dir, nil)
	if err := os.Mkdir(filepath.Join(dir, engineFile+".new"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, nil, noon); !errors.As(err, new(*os.PathError)) {
		t.Errorf("Open: %v", err)
	}
}

func TestOneProcessPerStateDirectory(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, nil, noon)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = Open(dir, nil, noon)
	if want := "state directory " + dir + ": another process uses it: each needs one of its own"; err == nil || err.Error() != want {
		t.Errorf("second Open: %v", err)
	}
	id, boots, err := Engine(dir, nil, noon)
	if err != nil || boots != 1 || !bytes.Equal(id, s.Identity.ID) {
		t.Errorf("Engine gives %x, %d, %v", id, boots, err)
	}
}

// What is shown before the first start is what that start will have.
func TestEngineBeforeTheFirstStart(t *testing.T) {
	for _, configured := range [][]byte{nil, []byte("\x80\x00\x00\x00\x04one")} {
		dir := t.TempDir()
		id, shown, err := Engine(dir, configured, noon)
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
	s, err := Open(t.TempDir(), nil, noon)
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
		at := noon.Add(test.after)
		boots, seconds, err := s.Identity.Clock(at)
		if err != nil || boots != test.boots || seconds != test.seconds {
			t.Errorf("after %s: boots %d, time %d, %v, want %d, %d", test.after, boots, seconds, err, test.boots, test.seconds)
		}
		if got := s.Identity.Uptime(at); got != test.uptime {
			t.Errorf("after %s: uptime %d", test.after, got)
		}
	}
}
