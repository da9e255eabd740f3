package statedir

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// stateOfChild names the directory that the test binary starts engines in, again and again, as a process of its own.
const stateOfChild = "TRAPLINE_TEST_STATE_DIR"

// TestChildThatStarts is no test but the process that TestNoKillTakesBootsBack kills.
func TestChildThatStarts(t *testing.T) {
	dir := os.Getenv(stateOfChild)
	if dir == "" {
		t.Skip("it is run by another test")
	}
	for {
		s, err := Open(dir, nil, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("\nboots %d %x %d\n", bootsOf(s.Identity), s.Identity.ID, s.Damaged())
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killTime is how long processes are killed, where they are slow, but by make soak.
const killTime = 10 * time.Second

// A process that is killed while it writes leaves an engine that the next one takes up: the same ID, with boots
// that nobody had before.
func TestNoKillTakesBootsBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id, last := start(t, dir, nil)
	kills, until := 0, time.Now().Add(killTime)
	for ; kills < 200 && (kills < 40 || time.Now().Before(until) || os.Getenv("TRAPLINE_SOAK") != ""); kills++ {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChildThatStarts$")
		child.Env = append(os.Environ(), stateOfChild+"="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for killed := false; lines.Scan(); {
			words := strings.Fields(lines.Text())
			if len(words) != 4 || words[0] != "boots" {
				continue
			}
			boots, err := strconv.Atoi(words[1])
			if err != nil || int32(boots) <= last || words[2] != fmt.Sprintf("%x", id) || words[3] != "0" {
				t.Fatalf("after %x with boots %d: %s", id, last, lines.Text())
			}
			last = int32(boots)
			if !killed {
				killed = true
				time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, func() { _ = child.Process.Kill() })
			}
		}
		_ = child.Wait()
	}
	t.Logf("killed %d times", kills)
	if again, boots := start(t, dir, nil); !bytes.Equal(again, id) || boots <= last {
		t.Errorf("%x with boots %d became %x with boots %d", id, last, again, boots)
	}
}

// damages returns the file with random damage.
func damages(random *rand.Rand, whole []byte) []byte {
	b := bytes.Clone(whole)
	switch at := random.IntN(len(b)); random.IntN(8) {
	case 0:
		return b[:at]
	case 1:
		clear(b[at:])
	case 2:
		return append(b, b[at:]...)
	default:
		b[at] ^= byte(1 + random.IntN(255))
	}
	return b
}

// No damage of the engine's file goes unseen, keeps from starting, or takes boots back.
func TestEveryDamageOfTheEngineFileIsFound(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	dir := t.TempDir()
	start(t, dir, nil)
	file := filepath.Join(dir, engineFile)
	times := 150
	if os.Getenv("TRAPLINE_SOAK") != "" {
		times = 1000
	}
	for range times {
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		before, err := parseEngine(whole)
		if err != nil {
			t.Fatal(err)
		}
		damaged := damages(random, whole)
		if bytes.Equal(damaged, whole) {
			continue
		}
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir, nil, time.Now())
		if err != nil {
			t.Fatalf("%q: %v", damaged, err)
		}
		if s.Damaged() == 0 || !bytes.Equal(s.Identity.ID, before.id) || bootsOf(s.Identity) <= before.boots {
			t.Errorf("%q: %d reported, %x boots %d became %x boots %d", damaged, s.Damaged(), before.id, before.boots, s.Identity.ID, bootsOf(s.Identity))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
