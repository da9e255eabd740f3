package bolt

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"trapline/internal/ledger"
)

// Databases of form 3 are read by other versions too: where the records of each kind are, and as which octets, stays.
func TestTheLayoutIsThatOfForm3(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Dir.Close()
	text := []byte(`{"a":1}`)
	err := s.Commit(t.Context(), []ledger.Write{
		{Key: "alarm/k/1", Value: text}, {Key: "alert/id", Value: text}, {Key: "alive", Value: []byte("2026-01-01T00:00:00Z")},
		{Key: "dead/n%2Fm/0000000000000102", Value: text}, {Key: "entry/0000000000000005", Value: text}, {Key: "event/0000000000000007", Value: text},
		{Key: "look/core-1", Value: text}, {Key: "out/n%2Fm/0000000000000008", Value: text}, {Key: "run", Value: []byte("12.5")}, {Key: "sent", Value: text},
		{Key: "seq", Value: []byte("258")}, {Key: "silence/s", Value: text}, {Key: "view/n%2Fm/k", Value: text}, {Key: "windows", Value: []byte(`["w"]`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`alarms "k/1" "{\"a\":1}\n#ff1e3b1e"`,
		`dead/n/m "\x00\x00\x00\x00\x00\x00\x01\x02" "{\"a\":1}\n#41814711"`,
		`events "\x00\x00\x00\x00\x00\x00\x00\a" "{\"a\":1}\n#dd9e6e13"`,
		`journal "\x00\x00\x00\x00\x00\x00\x00\x05" "{\"a\":1}\n#4fe6945d"`,
		`meta "maintenance" "[\"w\"]\n#101d6e96"`,
		`meta "run_seconds" "@)\x00\x00\x00\x00\x00\x00"`,
		`meta "sent" "{\"a\":1}\n#3e59935e"`,
		`meta "seq" "\x00\x00\x00\x00\x00\x00\x01\x02"`,
		`outbox/n/m "\x00\x00\x00\x00\x00\x00\x00\b" "{\"a\":1}\n#65fc6fcd"`,
		`rules "id" "{\"a\":1}\n#8ea9c18e"`,
		`rules_looks "core-1" "{\"a\":1}\n#10295af1"`,
		`rules_meta "alive" "2026-01-01T00:00:00Z\n#9c35195c"`,
		`silences "s" "{\"a\":1}\n#b0d32dfb"`,
		`views/n/m "k" "{\"a\":1}\n#769e2095"`,
	}
	var got []string
	err = s.Dir.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error { return list(&got, string(name), b) })
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// list lists the records of a bucket and of those in it, but the engine's.
func list(to *[]string, name string, b *bbolt.Bucket) error {
	return b.ForEach(func(k, v []byte) error {
		switch {
		case name == "engine":
		case v == nil:
			return list(to, name+"/"+string(k), b.Bucket(k))
		default:
			*to = append(*to, fmt.Sprintf("%s %q %q", name, k, v))
		}
		return nil
	})
}
