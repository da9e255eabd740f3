package rules

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"trapline/internal/statedir"
)

// damage changes the values of a bucket of the database while no process runs, and starts the next one.
func (r *rig) damage(bucket string, change func(key, value []byte) []byte) (log string) {
	r.Helper()
	r.must(r.e.alertStore.markAlive(r.e.now(), r.now))
	r.kill()
	state, err := statedir.Open(r.dir, nil, r.now)
	r.must(err)
	r.must(state.Update(func(tx *bbolt.Tx) error {
		b, changed := tx.Bucket([]byte(bucket)), map[string][]byte{}
		err := b.ForEach(func(k, v []byte) error {
			changed[string(k)] = change(k, bytes.Clone(v))
			return nil
		})
		for k, v := range changed {
			r.must(b.Put([]byte(k), v))
		}
		return err
	}))
	r.must(state.Close())
	var text bytes.Buffer
	r.logger = slog.New(slog.NewTextHandler(&text, nil))
	r.run()
	return text.String()
}

// flip changes one bit of a value.
func flip(random *rand.Rand, value []byte) []byte {
	value[random.IntN(len(value))] ^= 1 << random.IntN(8)
	return value
}

var hotRows = []string{`temperature{i="1"} 50`, `temperature{i="2"} 50`, `temperature{i="3"} 20`}

// An alert whose record cannot be read goes on as its alarm says: it is not raised again, and cleared once.
func TestUnreadableAlertsGoOn(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	changes := map[string]func(k, v []byte) []byte{
		"active_at": func(_, v []byte) []byte {
			return bytes.Replace(v, []byte(`"active_at":"2`), []byte(`"active_at":"x`), 1)
		},
		"empty":     func(_, _ []byte) []byte { return nil },
		"cut short": func(_, v []byte) []byte { return v[:len(v)/2] },
		"no JSON":   func(_, _ []byte) []byte { return []byte("x") },
		"an object": func(_, _ []byte) []byte { return []byte("{}") },
		"other alert": func(k, v []byte) []byte {
			return statedir.Seal(k, []byte(`{"id":"x","rule":"g/Hot","labels":{"a":"b"},"active_at":"2026-01-01T00:00:00Z"}`))
		},
	}
	for range 8 {
		changes["a flipped bit "+string(rune('a'+len(changes)))] = func(_, v []byte) []byte { return flip(random, v) }
	}
	for name, change := range changes {
		r := start(t, `{alert: Hot, expr: temperature > 40, labels: {severity: major, floor: "{{ $labels.i }}"}}`)
		r.poll(hotRows...)
		_ = r.take()
		log := r.damage("rules", change)
		if n := strings.Count(log, `level=ERROR msg="a record of the state directory cannot be read and was put aside" of="rules/`); n != 2 {
			t.Errorf("%s: logged\n%s", name, log)
		}
		r.poll(hotRows...)
		r.want(name+", still hot", "")
		r.poll(`temperature{i="1"} 50`, `temperature{i="2"} 20`, `temperature{i="3"} 20`)
		if got := r.take(); !strings.HasPrefix(got, "clear Hot") || strings.Count(got, "clear") != 1 {
			t.Errorf("%s, one is cool: sent %q", name, got)
		}
		if log := r.damage("rules", func(_, v []byte) []byte { return v }); strings.Contains(log, "put aside") {
			t.Errorf("%s: put aside again:\n%s", name, log)
		}
		r.kill()
	}
}

// An alert whose alarm cannot be read is raised again while its condition is true, so that there is an end.
func TestAlertsWithoutTheirAlarmAreRaisedAgain(t *testing.T) {
	for name, change := range map[string]func(k, v []byte) []byte{
		"no JSON": func(_, _ []byte) []byte { return []byte("x") }, "empty": func(_, _ []byte) []byte { return nil },
	} {
		r := start(t, hot)
		r.warm()
		r.want(name, "raise Hot i=1")
		r.damage("alarms", change)
		r.warm()
		r.want(name+", still warm", "raise Hot i=1")
		r.cool()
		r.want(name+", cool", "clear Hot i=1")
		r.kill()
	}
}

// When it was noted last that nothing was missed may be lost; then nothing is known to have been missed.
func TestAnUnreadableTimeOfLife(t *testing.T) {
	r := start(t, `{alert: Hot, expr: temperature > 40, for: 1m}`)
	r.warm()
	log := r.damage("rules_meta", func(_, _ []byte) []byte { return []byte("x") })
	if !strings.Contains(log, `of="rules_meta/`) {
		t.Errorf("logged\n%s", log)
	}
	r.warm()
	r.warm()
	r.want("after a minute", "raise Hot i=1")
}

// Whatever octets of the samples are wrong, the next process starts, evaluates rules, and clears nothing that is
// still true.
func TestDamagedSamplesStopNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	r := start(t, `{alert: Hot, expr: temperature > 40}, {alert: Fast, expr: 'rate(octets_total[10m]) > 10'}, {alert: Ever, expr: 'max_over_time(temperature[1h]) > 40'}`)
	octets := 0
	pass := func() {
		r.Helper()
		octets += 3000
		r.poll(`temperature{i="1"} 50`, `octets_total `+number(octets).String())
	}
	for range 100 {
		pass()
	}
	r.must(r.e.queryEngine.Load().store.maintain())
	for range 3 {
		pass()
	}
	if got := r.take(); strings.Count(got, "raise") != 3 {
		t.Fatalf("sent %q", got)
	}
	r.must(r.e.queryEngine.Load().store.close())
	r.must(r.state.Close())
	original, now := t.TempDir(), r.now
	r.must(os.CopyFS(original, os.DirFS(r.dir)))
	var files []string
	r.must(filepath.WalkDir(filepath.Join(original, "rules"), func(file string, entry os.DirEntry, err error) error {
		if entry.Type().IsRegular() {
			files = append(files, file[len(original):])
		}
		return err
	}))
	times := 60
	if os.Getenv("TRAPLINE_SOAK") != "" {
		times = 1000
	}
	for range times {
		r.dir, r.now, r.taken = t.TempDir(), now, 3
		r.must(os.CopyFS(r.dir, os.DirFS(original)))
		name := files[random.IntN(len(files))]
		text, err := os.ReadFile(r.dir + name)
		r.must(err)
		if len(text) == 0 {
			continue
		}
		what := "flipped"
		switch at := random.IntN(len(text)); random.IntN(6) {
		case 0:
			what, text = "cut short", text[:at]
		case 1:
			clear(text[at:])
			what = "zeroed"
		case 2:
			what, text = "made longer", append(text, text[at:]...)
		default:
			text[at] ^= byte(1 + random.IntN(255))
		}
		r.must(os.WriteFile(r.dir+name, text, 0o600))
		r.run()
		pass()
		pass()
		r.want(name+" "+what, "")
		r.must(r.e.queryEngine.Load().store.close())
		r.must(r.state.Close())
		r.must(os.RemoveAll(r.dir))
	}
	r.e = nil
}
