package plan

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
)

// encoded is a plan as it lies in the engine: two bytes for each numbered shard, the index of its owner plus one.
type encoded struct {
	Members []string          `json:"members"`
	Owners  []string          `json:"owners"` // that zones refer to
	Zones   map[string][]byte `json:"zones"`
	Others  map[string]string `json:"others"`
}

// MarshalJSON packs the plan: 1,024 shards take 3 kB.
func (p Plan) MarshalJSON() ([]byte, error) {
	e := encoded{Members: append([]string{}, p.Members...), Owners: []string{}, Zones: map[string][]byte{}, Others: map[string]string{}}
	index := map[string]uint16{}
	for _, shard := range sorted(p.Owners) {
		owner := p.Owners[shard]
		zone, number, ok := numbered(shard)
		if !ok {
			e.Others[shard] = owner
			continue
		}
		if index[owner] == 0 {
			e.Owners = append(e.Owners, owner)
			index[owner] = uint16(len(e.Owners)) // a cluster has some hundred members
		}
		if e.Zones[zone] == nil {
			e.Zones[zone] = make([]byte, 2*Shards)
		}
		binary.BigEndian.PutUint16(e.Zones[zone][2*number:], index[owner])
	}
	return json.Marshal(e)
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (p *Plan) UnmarshalJSON(text []byte) error {
	var e encoded
	if err := json.Unmarshal(text, &e); err != nil {
		return err
	}
	read := Plan{Members: slices.Clone(e.Members), Owners: map[string]string{}}
	for shard, owner := range e.Others {
		read.Owners[shard] = owner
	}
	for zone, owners := range e.Zones {
		if len(owners) != 2*Shards {
			return fmt.Errorf("plan of the zone %q has %d bytes, must have %d", zone, len(owners), 2*Shards)
		}
		for number := range Shards {
			i := int(binary.BigEndian.Uint16(owners[2*number:]))
			switch {
			case i > len(e.Owners):
				return fmt.Errorf("plan of the zone %q names member %d of %d", zone, i, len(e.Owners))
			case i > 0:
				read.Owners[Name(zone, number)] = e.Owners[i-1]
			}
		}
	}
	*p = read
	return nil
}
