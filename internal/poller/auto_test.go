package poller

import (
	"context"
	"errors"
	"testing"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/profile"
	"trapline/internal/snmp"
)

// mute is a device that never answers: each poll sends a request three times.
type mute struct{ polls int }

func (m *mute) Poll(context.Context, *client.Plan, func(snmp.VarBind)) (client.Stats, error) {
	m.polls++
	return client.Stats{Packets: 3, Retries: 2}, &access.Error{Op: "get", Reason: access.Timeout, Err: errors.New("request timeout")}
}

// The requests of a pass over a device that does not answer count, also if they were to choose its modules.
func TestUnansweredRequestsCount(t *testing.T) {
	device := &mute{}
	o := PassOptions{Open: func(client.Spec) (collector.Session, error) { return device, nil }}
	x := &Target{Name: "a", auto: &auto{choiceCache: &profile.ChoiceCache{Registry: &profile.Registry{}}}}
	p := o.Run(t.Context(), x, false)
	if p.Up || device.polls == 0 || int(p.Stats.Packets) != 3*device.polls || int(p.Stats.Retries) != 2*device.polls {
		t.Errorf("up %v, after %d polls %+v", p.Up, device.polls, p.Stats)
	}
}
