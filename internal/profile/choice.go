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
func ask(ctx context.Context, s collector.Session, params client.Params) (snmp.OID, error) {
	var id snmp.OID
	_, err := s.Poll(ctx, &client.Plan{Get: []snmp.OID{sysObjectID}, Params: params}, func(v snmp.VarBind) {
		if v.Type == snmp.ObjectIdentifier {
			id = append(snmp.OID{}, v.Value...)
		}
	})
	return id, err
}

// whole keeps an error of the target itself, or of the time for asking it, but not that a part did not
// arrive.
func whole(err error) error {
	for _, e := range access.Errors(err) {
		if e.TargetFailed() || e.Reason == access.Deadline {
			return err
		}
	}
	return nil
}

// lacking reports whether a device may have what did not arrive.
func lacking(err error) bool {
	return slices.ContainsFunc(access.Errors(err), func(e *access.Error) bool {
		return e.Reason == access.Timeout || e.Reason == access.Late || e.Reason == access.Malformed
	})
}

// Choose asks a device what it is, and which of the modules of its profile it has something for.
func (b *Book) Choose(ctx context.Context, s collector.Session, params client.Params) (*Choice, error) {
	id, err := ask(ctx, s, params)
	if whole(err) != nil {
		return nil, err
	}
	choice, _, err := b.choose(ctx, s, params, id)
	return choice, err
}

// choose also reports whether the choice may lack something.
func (b *Book) choose(ctx context.Context, s collector.Session, params client.Params, id snmp.OID) (_ *Choice, doubtful bool, _ error) {
	p, prefix := b.match(id)
	if p == nil {
		return nil, false, fmt.Errorf("there is no profile %q", Default)
	}
	plan := client.Plan{Params: params}
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
		return nil, false, err
	}
	choice := &Choice{SysObjectID: id, Profile: p.name, Prefix: prefix}
	for _, c := range p.modules {
		if oid := c.first(found); oid != nil {
			choice.Modules = append(choice.Modules, Chosen{c.Module, c.from, oid})
		} else {
			choice.Absent = append(choice.Absent, Chosen{c.Module, c.from, nil})
		}
	}
	return choice, lacking(err), nil
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

const (
	// Period is how long a choice holds for a device that stays what it is.
	Period = 24 * time.Hour
	// doubtPeriod is how long one holds that may lack something.
	doubtPeriod = 10 * time.Minute
)

// Keeper keeps the choice for one device. It may be used by several goroutines, one of which asks.
type Keeper struct {
	Book *Book

	mu     sync.Mutex
	choice *Choice
	at     time.Time
}

// Choice returns the modules for a device: anew when sysObjectID is another, or after Period. That an
// answer was lost makes no module absent that was there before.
func (k *Keeper) Choice(ctx context.Context, s collector.Session, params client.Params, now time.Time) (*Choice, error) {
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
	choice, doubtful, err := k.Book.choose(ctx, s, params, id)
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
