package cluster

import (
	"strings"
	"testing"

	"trapline/internal/ledger"
)

// Keys of one shard never are keys of another, whatever its name.
func TestKeysOfShards(t *testing.T) {
	k := keysOf("x")
	shards := []string{"1", "10", "1@berlin", "1@b/c", "1@b%2Fc", "scan/a", "scan%2Fa", "global"}
	for _, a := range shards {
		if got := unescape(escape(a)); got != a {
			t.Errorf("%q is read as %q", a, got)
		}
		if is, name := k.cut(k.own(a)); is != "own" || unescape(name) != a {
			t.Errorf("%q: %s, %s", k.own(a), is, name)
		}
		for _, b := range shards {
			if a != b && (strings.HasPrefix(k.row(a, "x"), k.rows(b)) || k.seq(a) == k.seq(b)) {
				t.Errorf("rows of %s are rows of %s", a, b)
			}
		}
	}
	first, _ := k.watched()
	for _, key := range []string{k.alive("m"), k.coordinator(), k.cost("m"), k.engine("m"), k.format(), k.held("1"), k.member("m"), k.own("1"), k.plan(), k.given("b"), k.arrival("1", "b")} {
		if key < first || key >= first+"q" {
			t.Errorf("%s is not watched", key)
		}
	}
	for _, shard := range shards {
		if of, row := k.cutShared(k.row(shard, ledger.Inhibit+"a/b")); of != shard || row != ledger.Inhibit+"a/b" {
			t.Errorf("%q of %q is read as %q of %q", ledger.Inhibit+"a/b", shard, row, of)
		}
	}
	for _, key := range []string{k.row("1", "x"), k.seq("1"), k.row("1", ledger.Inbox+"b/x"), k.row("1", ledger.Inhibit+"x")} {
		if key < first+"q" {
			t.Errorf("%s is watched by all members", key)
		}
	}
}
