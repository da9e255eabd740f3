package profile

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"trapline/collector"
	"trapline/internal/engine"
	"trapline/internal/snmp"
)

// Choice is what a profile has for a device, and why.
type Choice struct {
	SysObjectID snmp.OID // nil if the device does not tell
	Profile     string
	Prefix      snmp.OID // the beginning of SysObjectID that led to Profile; nil for the default one
	Modules     []Chosen
	Absent      []Chosen // candidates that the device has nothing for
}

// Chosen is a module with the profile that brings it.
type Chosen struct {
	*Module
	From  string
	Found snmp.OID // of the objects that the module reads, the first that the device answered with
}

var sysObjectID = snmp.MustParseOID("1.3.6.1.2.1.1.2.0")

// ask reads sysObjectID. A device without one is a device all the same.
func ask(ctx context.Context, s collector.Session, params engine.Params) (snmp.OID, error) {
	var id snmp.OID
	_, err := s.Poll(ctx, &engine.Plan{Get: []snmp.OID{sysObjectID}, Params: params}, func(v snmp.VarBind) {
		if v.Type == snmp.ObjectIdentifier {
			id = append(snmp.OID{}, v.Value...)
		}
	})
	return id, whole(err)
}

// whole keeps an error of the target itself, or of the time for asking it. That a part did not arrive is
// no news here.
func whole(err error) error {
	for _, e := range engine.Errors(err) {
		if e.Whole() || e.Reason == engine.Deadline {
			return err
		}
	}
	return nil
}

// Choose asks a device what it is, and which of the modules of its profile it has something for.
func (b *Book) Choose(ctx context.Context, s collector.Session, params engine.Params) (*Choice, error) {
	id, err := ask(ctx, s, params)
	if err != nil {
		return nil, err
	}
	return b.choose(ctx, s, params, id)
}

func (b *Book) choose(ctx context.Context, s collector.Session, params engine.Params, id snmp.OID) (*Choice, error) {
	p, prefix := b.match(id)
	if p == nil {
		return nil, fmt.Errorf("there is no profile %q", Default)
	}
	plan := engine.Plan{Params: params}
	for _, c := range p.modules {
		plan.Get = append(plan.Get, c.gets...)
		plan.Next = append(plan.Next, c.walks...)
	}
	var found []snmp.OID
	_, err := s.Poll(ctx, &plan, func(v snmp.VarBind) {
		if v.Type.HasValue() {
			found = append(found, append(snmp.OID{}, v.Name...))
		}
	})
	if whole(err) != nil {
		return nil, err
	}
	choice := &Choice{SysObjectID: id, Profile: p.name, Prefix: prefix}
	for _, c := range p.modules {
		if oid := c.first(found); oid != nil {
			choice.Modules = append(choice.Modules, Chosen{c.Module, c.from, oid})
		} else {
			choice.Absent = append(choice.Absent, Chosen{c.Module, c.from, nil})
		}
	}
	return choice, nil
}

// first gives the first object found that the module reads.
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

// Period is how long a choice holds for a device that stays what it is.
const Period = 24 * time.Hour

// Keeper keeps the choice for one device. It may be used by several goroutines, one of which asks.
type Keeper struct {
	Book *Book

	mu     sync.Mutex
	choice *Choice
	at     time.Time
}

// Choice gives the modules for a device: anew when sysObjectID is another, or after Period.
func (k *Keeper) Choice(ctx context.Context, s collector.Session, params engine.Params, now time.Time) (*Choice, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	id, err := ask(ctx, s, params)
	if err != nil {
		return nil, err
	}
	if k.choice != nil && id.Compare(k.choice.SysObjectID) == 0 && now.Sub(k.at) < Period {
		return k.choice, nil
	}
	choice, err := k.Book.choose(ctx, s, params, id)
	if err != nil {
		return nil, err
	}
	k.choice, k.at = choice, now
	return choice, nil
}
