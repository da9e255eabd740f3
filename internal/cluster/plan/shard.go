package plan

import (
	"hash/fnv"
	"strconv"
	"strings"
)

// Shards is the number of shards of a zone. It is part of the names of shards, and of the keys below them in the engine.
const Shards = 1024

// Global is the shard whose owner judges rules over several targets, and sends heartbeats.
const Global = "global"

// scan begins the name of the shard whose owner scans for a list of targets.
const scan = "scan/"

// Shard is a unit of ownership: targets of one zone.
type Shard struct {
	Name string
	Zone string
	Cost float64 // of polling its targets, in any unit; 0 if it has none
}

// Name returns the name of a shard of a zone: its number, and the zone behind @ if it has a name.
func Name(zone string, number int) string {
	if zone == "" {
		return strconv.Itoa(number)
	}
	return strconv.Itoa(number) + "@" + zone
}

// Of returns the shard that has a target.
func Of(zone, target string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(target))
	return Name(zone, int(h.Sum32()%Shards))
}

// OfScan returns the shard whose owner scans for a list of targets.
func OfScan(list string) string { return scan + list }

// numbered returns the zone and the number of a shard that Name made.
func numbered(shard string) (zone string, number int, ok bool) {
	if strings.HasPrefix(shard, scan) {
		return "", 0, false
	}
	digits, zone, _ := strings.Cut(shard, "@")
	number, err := strconv.Atoi(digits)
	if err != nil || number < 0 || number >= Shards || Name(zone, number) != shard {
		return "", 0, false
	}
	return zone, number, true
}

// Fits reports whether a member of a zone may own a shard: one of its zone, one of none, or that of rules over several targets.
func Fits(shard, zone string) bool {
	of, _, ok := numbered(shard)
	return shard == Global || ok && (of == zone || of == "")
}

// Number returns the number of a shard of targets in its zone.
func Number(shard string) (number int, ok bool) {
	_, number, ok = numbered(shard)
	return number, ok
}

// Zone returns the zone of a shard of targets.
func Zone(shard string) (zone string, ok bool) {
	zone, _, ok = numbered(shard)
	return zone, ok
}
