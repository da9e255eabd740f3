package cluster

import (
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"trapline/internal/cluster/plan"
	"trapline/internal/ledger"
)

// keys are the names of all keys in the engine, below /trapline/NAME/. Those that members watch sort before those that the owner
// of a shard reads: format … plan, then s/, seq/ and to/. Members have copies of shared/,
// which may be large, by a watch of its own.
type keys struct{ root string }

func keysOf(cluster string) keys { return keys{allClusters + cluster + "/"} }

// allClusters is the beginning of the keys of all clusters.
const allClusters = "/trapline/"

// watched is the range of all that every member watches.
func (k keys) watched() (first, end string) { return k.root, k.root + "q" }

// copied is the range of the rows of all shards that all members have a copy of.
func (k keys) copied() (first, end string) {
	return k.root + "shared/", clientv3.GetPrefixRangeEnd(k.root + "shared/")
}

func (k keys) shared(shard string) string { return k.root + "shared/" + escape(shard) + "/" }

// cutShared returns the shard of such a row, and its key there.
func (k keys) cutShared(key string) (shard, row string) {
	_, name := k.cut(key)
	shard, row, _ = strings.Cut(name, "/")
	return unescape(shard), row
}

func (k keys) format() string               { return k.root + "format" }
func (k keys) coordinator() string          { return k.root + "coordinator" }
func (k keys) plan() string                 { return k.root + "plan" }
func (k keys) member(m string) string       { return k.root + "members/" + m }
func (k keys) engine(m string) string       { return k.root + "engines/" + m }
func (k keys) alive(m string) string        { return k.root + "alive/" + m }
func (k keys) cost(m string) string         { return k.root + "cost/" + m }
func (k keys) own(shard string) string      { return k.root + "own/" + escape(shard) }
func (k keys) held(shard string) string     { return k.root + "held/" + escape(shard) }
func (k keys) seq(shard string) string      { return k.root + "seq/" + escape(shard) }
func (k keys) rows(shard string) string     { return k.root + "s/" + escape(shard) + "/" }
func (k keys) late(shard, id string) string { return k.root + "late/" + escape(shard) + "/" + id }
func (k keys) row(shard, r string) string {
	if shard == plan.Global && strings.HasPrefix(r, ledger.Silence) {
		return k.common() + r // which all members watch
	}
	if key, ok := k.moving(shard, r); ok {
		return key
	}
	if strings.HasPrefix(r, ledger.Inhibit) {
		return k.shared(shard) + r
	}
	return k.rows(shard) + r
}
func (k keys) common() string { return k.root + "common/" }
func (k keys) unread(shard, r string) string {
	return k.root + "unread/" + escape(shard) + "/" + r // behind the keys that are watched
}
func (k keys) cut(key string) (is, name string) {
	is, name, _ = strings.Cut(strings.TrimPrefix(key, k.root), "/")
	return is, name
}

// Records that move to a shard lie in its inbox, to/S/BATCH/, until its owner takes them over. All members watch arrivals/S/BATCH, the
// header of the batch. That of a single process counts once given/BATCH says so, for all shards together.

func (k keys) inbox(shard string) string { return k.root + "to/" + escape(shard) + "/" }
func (k keys) arrival(shard, batch string) string {
	return k.root + "arrivals/" + escape(shard) + "/" + batch
}
func (k keys) given(batch string) string { return k.root + "given/" + batch }

// moving returns the key of a record of an inbox; ok is false if the record is none.
func (k keys) moving(shard, r string) (key string, ok bool) {
	rest, ok := strings.CutPrefix(r, ledger.Inbox)
	if !ok {
		if rest, ok = strings.CutPrefix(r, ledger.To); !ok {
			return "", false
		}
		shard, rest, _ = strings.Cut(rest, "/")
		shard = unescape(shard)
	}
	if batch, name, named := strings.Cut(rest, "/"); named {
		return k.inbox(shard) + batch + "/" + name, true
	}
	return k.arrival(shard, rest), true
}

// escape makes one part of a key of a shard, unescape a shard of it.
func escape(shard string) string  { return escaper.Replace(shard) }
func unescape(part string) string { return unescaper.Replace(part) }

var (
	escaper   = strings.NewReplacer("%", "%25", "/", "%2F")
	unescaper = strings.NewReplacer("%25", "%", "%2F", "/")
)

// Member is a living member, as it describes itself.
type Member struct {
	Name     string    `json:"name"`
	URL      string    `json:"url"`
	Web      string    `json:"web,omitempty"` // host and port of its HTTP server for everybody
	Zone     string    `json:"zone"`
	Weight   float64   `json:"weight"`
	Version  string    `json:"version"`
	Format   int       `json:"format"`          // the newest that it reads
	Config   string    `json:"config"`          // hash of its configuration
	Homes    string    `json:"homes,omitempty"` // hash of its targets with their shards
	Started  time.Time `json:"started"`
	Draining bool      `json:"draining"`
	Ends     time.Time `json:"certificate_ends,omitzero"` // of its certificate
	Gives    bool      `json:"gives,omitempty"`           // alarms of its state directory are on their way to the shards
}

// cost is the cost of the shards of a member.
type cost struct {
	Shards map[string]float64 `json:"shards"`
}

// Identity is a member's own SNMP engine, which receivers of SNMPv3 traps must know.
type Identity struct {
	EngineID string `json:"engine_id"` // hexadecimal digits
}
