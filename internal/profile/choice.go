package profile

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/snmp"
)

// Choice is the result of selecting modules for a device, with the reasons.
type Choice struct {
	SysObjectID snmp.OID // nil if the device does not have one
	Profile     string
	Prefix      snmp.OID // the matching prefix of SysObjectID; nil for the default profile
	Modules     []Chosen
	Absent      []Chosen // candidates for which the device has no object
}

// Chosen is a module and the profile that contains it.
type Chosen struct {
	Module *Module
	From   string
	Found  snmp.OID // the first object of the module that the device returned
}

var sysObjectID = snmp.MustParseOID("1.3.6.1.2.1.1.2.0")

// ask polls sysObjectID. It returns nil for a device without one.
func ask(ctx context.Context, s collector.Session, params client.Params) (snmp.OID, error) {
	var id snmp.OID
	_, err := s.Poll(ctx, &client.Plan{Get: []snmp.OID{sysObjectID}, Params: params}, func(v snmp.VarBind) {
		if v.Type == snmp.ObjectIdentifier {
			id = append(snmp.OID{}, v.Value...)
		}
	})
	return id, err
}

// whole returns err if the target failed or the deadline expired, and nil if only a part is
// missing.
func whole(err error) error {
	for _, e := range access.Errors(err) {
		if e.TargetFailed() || e.Reason == access.Deadline {
			return err
		}
	}
	return nil
}

// lacking reports whether the device may have objects that were not received.
func lacking(err error) bool {
	return slices.ContainsFunc(access.Errors(err), func(e *access.Error) bool {
		return e.Reason == access.Timeout || e.Reason == access.Late || e.Reason == access.Malformed
	})
}

// Choose polls sysObjectID and selects the modules of the matching profile for which the device has
// objects.
func (b *Registry) Choose(ctx context.Context, s collector.Session, params client.Params) (*Choice, error) {
	id, err := ask(ctx, s, params)
	if whole(err) != nil {
		return nil, err
	}
	choice, _, err := b.choose(ctx, s, params, id)
	return choice, err
}

// choose also reports whether the choice may be incomplete.
func (b *Registry) choose(ctx context.Context, s collector.Session, params client.Params, id snmp.OID) (_ *Choice, doubtful bool, _ error) {
	p, prefix := b.match(id)
	if p == nil {
		return nil, false, fmt.Errorf("there is no profile %q", Default)
	}
	plan := client.Plan{Params: params}
	for _, c := range p.modules {
		plan.Get = append(plan.Get, c.Module.gets...)
		plan.Next = append(plan.Next, c.Module.walks...)
	}
	var found []snmp.OID
	_, err := s.Poll(ctx, &plan, func(v snmp.VarBind) {
		if v.Type.HasValue() {
			found = append(found, append(snmp.OID{}, v.Name...))
		}
	})
	if whole(err) != nil {
		return nil, false, err
	}
	choice := &Choice{SysObjectID: id, Profile: p.name, Prefix: prefix}
	for _, c := range p.modules {
		if oid := c.Module.first(found); oid != nil {
			choice.Modules = append(choice.Modules, Chosen{c.Module, c.from, oid})
		} else {
			choice.Absent = append(choice.Absent, Chosen{c.Module, c.from, nil})
		}
	}
	return choice, lacking(err), nil
}

// first returns the first object of found that the module reads.
func (m *Module) first(found []snmp.OID) snmp.OID {
	for _, root := range slices.Concat(m.walks, m.gets) {
		for _, oid := range found {
			if oid.HasPrefix(root) {
				return oid
			}
		}
	}
	return nil
}

const (
	// Period is the lifetime of a choice while sysObjectID stays the same.
	Period = 24 * time.Hour
	// doubtPeriod is the lifetime of a choice that may be incomplete.
	doubtPeriod = 10 * time.Minute
)

// ChoiceCache caches the choice for one device. It is safe for concurrent use; one goroutine at a time
// polls.
type ChoiceCache struct {
	Registry *Registry

	mu     sync.Mutex
	choice *Choice
	at     time.Time
}

// Choice returns the modules for a device. It selects them again when sysObjectID changes or Period
// has elapsed. A lost answer does not remove a module from the choice.
func (k *ChoiceCache) Choice(ctx context.Context, s collector.Session, params client.Params, now time.Time) (*Choice, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	id, err := ask(ctx, s, params)
	if whole(err) != nil {
		return nil, err
	}
	same := k.choice != nil && (lacking(err) || id.Compare(k.choice.SysObjectID) == 0)
	if same && now.Sub(k.at) < Period {
		return k.choice, nil
	}
	if same {
		id = k.choice.SysObjectID
	}
	choice, doubtful, err := k.Registry.choose(ctx, s, params, id)
	if err != nil {
		return nil, err
	}
	if k.at = now; doubtful {
		k.at = now.Add(doubtPeriod - Period)
	}
	if k.choice == nil || !same || !doubtful {
		k.choice = choice
	}
	return k.choice, nil
}
