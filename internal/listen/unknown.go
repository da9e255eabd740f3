package listen

import (
	"container/list"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"trapline/internal/api"
	"trapline/internal/originator"
	"trapline/internal/snmp"
	"trapline/internal/traps"
	"trapline/mibs"
)

const (
	// maxUnknown is how many notifications of devices that are no target are kept.
	maxUnknown = 1000
	// maxUnknownOfDevice is how many of them are of one device, so that one that floods leaves others in the list.
	maxUnknownOfDevice = 20
	// maxUnknownOctets bounds the variable bindings of each.
	maxUnknownOctets = 1 << 10
	// maxUnknownText bounds names, contexts and OIDs.
	maxUnknownText = 200
)

// unknown keeps the last notifications of devices that are no target, for those who look for devices.
type unknown struct {
	mu  sync.Mutex
	all list.List // of *stray, the oldest first
	of  map[netip.Addr]*list.List
}

// stray is a notification of a device that is no target. It aliases no datagram.
type stray struct {
	at              time.Time
	device, sender  netip.Addr
	version         snmp.Version
	user, context   string
	engine          []byte
	inform          bool
	oid             snmp.OID
	name            string
	varbinds        []byte
	inAll, inDevice *list.Element
}

// add keeps a notification, in the place of an older one.
func (u *unknown) add(t *traps.Trap) {
	r := t.Received
	s := &stray{
		at: t.At, device: t.Device, sender: r.From.Addr().WithZone(""), version: r.Version, context: cut(r.Context, maxUnknownText), inform: r.Inform,
		engine: slices.Clone(r.EngineID[:min(len(r.EngineID), maxUnknownText)]), name: cut(t.Name, maxUnknownText), oid: slices.Clone(t.OID),
		varbinds: slices.Clone(t.VarBinds[:min(len(t.VarBinds), maxUnknownOctets)]),
	}
	if r.Version == snmp.V3 { // a community is a secret
		s.user = cut(r.Name, maxUnknownText)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.of == nil {
		u.of = map[netip.Addr]*list.List{}
	}
	if same := u.of[s.device]; same != nil && same.Len() >= maxUnknownOfDevice {
		u.remove(same.Front().Value.(*stray))
	} else if u.all.Len() >= maxUnknown {
		u.remove(u.all.Front().Value.(*stray))
	}
	if u.of[s.device] == nil {
		u.of[s.device] = list.New()
	}
	s.inAll, s.inDevice = u.all.PushBack(s), u.of[s.device].PushBack(s)
}

func (u *unknown) remove(s *stray) {
	u.all.Remove(s.inAll)
	same := u.of[s.device]
	if same.Remove(s.inDevice); same.Len() == 0 {
		delete(u.of, s.device)
	}
}

func cut(text string, most int) string { return text[:min(len(text), most)] }

// view returns those that are nobody's by the present configuration, the newest first.
func (u *unknown) view(tree *mibs.Tree, known func(device netip.Addr) bool, limit int) (found []api.UnknownTrap) {
	u.mu.Lock()
	var all []*stray
	for e := u.all.Back(); e != nil && len(all) < maxUnknown; e = e.Prev() {
		all = append(all, e.Value.(*stray))
	}
	u.mu.Unlock()
	for _, s := range all {
		if len(found) < limit && !known(s.device) {
			found = append(found, s.shown(tree))
		}
	}
	return found
}

// shown returns the notification as the API has it.
func (s *stray) shown(tree *mibs.Tree) api.UnknownTrap {
	t := traps.Trap{OID: s.oid, VarBinds: s.varbinds, Received: &originator.Received{}}
	one := api.UnknownTrap{
		At: s.at, Device: s.device.String(), Version: versions[s.version], User: s.user, Context: s.context, Inform: s.inform, Trap: s.name, OID: s.oid.String(), Text: t.Text(tree),
	}
	if len(s.engine) > 0 {
		one.EngineID = fmt.Sprintf("%x", s.engine)
	}
	if s.sender != s.device {
		one.Sender = s.sender.String()
	}
	return one
}

// versions are the names of the versions of SNMP.
var versions = map[snmp.Version]string{snmp.V1: "1", snmp.V2c: "2c", snmp.V3: "3"}
