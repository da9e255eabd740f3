package bars

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// reading builds the program so that it reads other versions of what lies in the engine. From version 2 on rows begin with that number,
// once all members read them: a program that reads version 1 alone can make nothing of such a row.
func reading(t *testing.T, oldest, newest int) string {
	t.Helper()
	file, err := filepath.Abs("../store.go")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := string(text)
	for _, c := range []struct{ from, to string }{
		{"clientv3.OpPut(c.keys.row(p.Shard, w.Key), string(w.Value))", "clientv3.OpPut(c.keys.row(p.Shard, w.Key), c.numbered(w.Value))"},
		{"r.each(key, kv.Value)", `r.each(key, []byte(strings.TrimPrefix(string(kv.Value), "2:")))`},
	} {
		if strings.Count(changed, c.from) != 1 {
			t.Fatalf("%s has %d times %q", file, strings.Count(changed, c.from), c.from)
		}
		changed = strings.Replace(changed, c.from, c.to, 1)
	}
	changed += fmt.Sprintf(`
func init() { ours = formats{%d, %d} }

func (c *Cluster) numbered(value []byte) string {
	if c.Writes() >= 2 {
		return "2:" + string(value)
	}
	return string(value)
}
`, oldest, newest)
	dir := t.TempDir()
	replaced, overlay, program := filepath.Join(dir, "store.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "trapline")
	list, _ := json.Marshal(map[string]map[string]string{"Replace": {file: replaced}})
	for name, text := range map[string][]byte{replaced: []byte(changed), overlay: list} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("go", "build", "-overlay", overlay, "-tags", "gosnmp_nodebug", "-o", program, "trapline/cmd/trapline").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

// watchUnowned watches which shards have no owner. The function that it returns ends that, and returns for how long a shard had none.
func (s *site) watchUnowned() (end func() time.Duration) {
	stop, ended := make(chan struct{}), make(chan time.Duration)
	go func() {
		since, longest := map[string]time.Time{}, time.Duration(0)
		for tick := time.Tick(50 * time.Millisecond); ; {
			for i := range memberCount {
				asked := time.Now()
				c, ok := s.status(i)
				if !ok || c.Session <= 0 {
					continue
				}
				for _, shard := range c.Unowned {
					if _, known := since[shard]; !known {
						since[shard] = asked
					}
				}
				for shard, first := range since {
					if !slices.Contains(c.Unowned, shard) {
						longest = max(longest, time.Since(first))
						delete(since, shard)
					}
				}
			}
			select {
			case <-stop:
				for _, first := range since {
					longest = max(longest, time.Since(first))
				}
				ended <- longest
				return
			case <-tick:
			}
		}
	}()
	return func() time.Duration {
		close(stop)
		return <-ended
	}
}

func (s *site) log(i int) string {
	text, _ := os.ReadFile(filepath.Join(s.dir, spaceOf(i)+".log"))
	return string(text)
}

// Members are restarted one by one with a program that reads and writes a newer version of what lies in the engine: no shard is long
// without an owner, and the newer version is written from the last restart on. Programs that do not read it are refused (bar 13).
func TestUpgrade(t *testing.T) {
	s := flapping(t, 13)
	older, newer, newest := s.program, reading(t, 1, 2), reading(t, 3, 4)
	for i := range memberCount {
		healed := s.fault(hostOf(i)+" is restarted with a newer format", false)
		unowned := s.watchUnowned()
		s.stop(i, syscall.SIGTERM)
		s.program = newer
		s.start(i)
		s.await(time.Minute, "the cluster is whole", s.whole)
		took := unowned()
		t.Logf("a shard had no owner for %v at most", took.Round(10*time.Millisecond))
		s.bar("a shard without an owner", took, 2*time.Second)
		healed()
	}
	s.await(time.Minute, "the newer format is written", func() bool {
		return strings.Contains(s.log(0)+s.log(1)+s.log(2), "all members read a newer format")
	})
	time.Sleep(3 * interval)
	healed := s.fault("programs that read other formats are refused", false)
	s.stop(2, syscall.SIGTERM)
	for program, words := range map[string]string{
		older:  "the cluster has format 2, and this program reads format 1 to 1: run a newer version of it",
		newest: "the cluster has format 2, and this program reads format 3 to 4: run a version that reads both on all members first",
	} {
		before := s.log(2)
		s.program = program
		s.start(2)
		select {
		case <-s.members[2].ended:
			s.members[2].command = nil
		case <-time.After(time.Minute):
			t.Error("the program runs on")
			s.stop(2, syscall.SIGKILL)
		}
		if said := strings.TrimPrefix(s.log(2), before); !strings.Contains(said, words) {
			t.Errorf("refused with %q, want %q", said, words)
		}
	}
	s.program = newer
	s.start(2)
	s.await(time.Minute, "the cluster is whole", s.whole)
	healed()
	time.Sleep(2 * interval)
	s.rest()
}
